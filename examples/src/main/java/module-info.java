/** Programs that embed the engine. */
module dev.palimpsest.examples {
  requires dev.palimpsest.api;
  requires static transitive org.jspecify;

  exports dev.palimpsest.examples;
}
