/**
 * The command line. Open, since its commands and files are read by reflection; it exports nothing.
 */
@SuppressWarnings("requires-automatic") // some libraries have no module descriptor
open module dev.palimpsest.app {
  requires com.fasterxml.jackson.annotation;
  requires dev.palimpsest.api;
  requires dev.palimpsest.lab;
  requires dev.palimpsest.unpack;
  requires duckdb.jdbc;
  requires info.picocli;
  requires io.prometheus.metrics.core;
  requires io.prometheus.writer.text;
  requires io.prometheus.metrics.model;
  requires java.management;
  requires java.net.http;
  requires java.sql;
  requires jdk.management;
  requires org.apache.commons.csv;
  requires org.eclipse.jetty.http;
  requires org.eclipse.jetty.io;
  requires org.eclipse.jetty.server;
  requires org.eclipse.jetty.util;
  requires org.jline.terminal;
  requires org.slf4j;
  requires me.tongfei.progressbar;
  requires static transitive org.jspecify;
  requires tools.jackson.databind;
}
