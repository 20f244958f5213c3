/** From predictions to text, every step in the open. Knows no tensor. */
module dev.palimpsest.sampler {
  requires com.github.luben.zstd_jni;
  requires dev.palimpsest.unpack;
  requires static transitive org.jspecify;
  requires tools.jackson.databind;
  requires transitive dev.palimpsest.step;

  exports dev.palimpsest.sampler.audit;
  exports dev.palimpsest.sampler.canvas;
  exports dev.palimpsest.sampler.intervention;
  exports dev.palimpsest.sampler.likelihood;
  exports dev.palimpsest.sampler.method;
  exports dev.palimpsest.sampler.run;
  exports dev.palimpsest.sampler.statistics;
  exports dev.palimpsest.sampler.trace;
}
