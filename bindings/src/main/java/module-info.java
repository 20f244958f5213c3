/** Native libraries as Java; for the engine alone. */
@SuppressWarnings({"module", "requires-automatic"}) // compiled later; without a descriptor
module dev.palimpsest.bindings {
  requires dev.palimpsest.unpack;
  requires jcuda;
  requires static transitive org.jspecify;

  exports dev.palimpsest.bindings to
      dev.palimpsest.engine;
  exports dev.palimpsest.bindings.cublas to
      dev.palimpsest.engine;
  exports dev.palimpsest.bindings.cuda to
      dev.palimpsest.engine;
  exports dev.palimpsest.bindings.onednn to
      dev.palimpsest.engine;
}
