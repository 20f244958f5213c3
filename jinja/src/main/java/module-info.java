/** Chat templates as Jinja2 renders them. */
module dev.palimpsest.jinja {
  requires static transitive org.jspecify;

  exports dev.palimpsest.jinja;
}
