/** The front door for programs. */
module dev.palimpsest.api {
  requires static transitive org.jspecify;
  requires transitive dev.palimpsest.engine;
  requires transitive dev.palimpsest.sampler;

  exports dev.palimpsest.api;
}
