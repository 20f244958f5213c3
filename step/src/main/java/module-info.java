/** A step as a pure function of tokens: all that passes between a sampler and a model. */
module dev.palimpsest.step {
  requires static transitive org.jspecify;

  exports dev.palimpsest.step;
}
