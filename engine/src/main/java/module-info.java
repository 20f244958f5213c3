/** From a checkpoint to predictions. */
@SuppressWarnings({"module", "requires-automatic"}) // compiled later; without a descriptor
module dev.palimpsest.engine {
  requires ai.djl.api;
  requires ai.djl.tokenizers;
  requires dev.palimpsest.bindings;
  requires dev.palimpsest.jinja;
  requires dev.palimpsest.unpack;
  requires jdk.incubator.vector;
  requires jdk.management;
  requires org.slf4j;
  requires static transitive org.jspecify;
  requires transitive dev.palimpsest.step;
  requires transitive tools.jackson.databind;

  exports dev.palimpsest.engine;
  exports dev.palimpsest.engine.checkpoint;
  exports dev.palimpsest.engine.device;
  exports dev.palimpsest.engine.forward;
  exports dev.palimpsest.engine.model;
  exports dev.palimpsest.engine.probe;
  exports dev.palimpsest.engine.text;
  exports dev.palimpsest.engine.backend to
      dev.palimpsest.app;
  exports dev.palimpsest.engine.backend.cuda to
      dev.palimpsest.app;
  exports dev.palimpsest.engine.backend.host to
      dev.palimpsest.app;
}
