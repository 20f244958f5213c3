package dev.palimpsest.step;

/**
 * What a step of a {@link SoftDenoiser} hands to the next beside tokens. What it is is the model's
 * affair, which made it and which it lies with; whoever opened it closes it.
 */
public interface SoftState extends AutoCloseable {
  @Override
  void close();
}
