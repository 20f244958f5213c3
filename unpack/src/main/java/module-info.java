/** Native libraries out of jars, where nobody else can write. */
@SuppressWarnings("module") // modules that are compiled later
module dev.palimpsest.unpack {
  requires jdk.security.auth;
  requires static transitive org.jspecify;

  exports dev.palimpsest.unpack to
      dev.palimpsest.app,
      dev.palimpsest.bindings,
      dev.palimpsest.engine,
      dev.palimpsest.sampler;
}
