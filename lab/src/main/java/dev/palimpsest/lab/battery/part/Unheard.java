package dev.palimpsest.lab.battery.part;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.Snapshot;
import dev.palimpsest.sampler.trace.TraceListener;
import dev.palimpsest.sampler.trace.TraceRecord;

/** Nobody asks what happens between the steps. */
final class Unheard implements TraceListener {
  @Override
  public void snapshot(Snapshot snapshot) {}

  @Override
  public void event(TraceRecord.Event event, CanvasImage after) {}
}
