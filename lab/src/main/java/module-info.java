/** Research on generations: answers, measures, written interventions, experiments. */
module dev.palimpsest.lab {
  requires org.apache.commons.statistics.distribution;
  requires org.apache.commons.statistics.interval;
  requires static transitive org.jspecify;
  requires tools.jackson.databind;
  requires transitive dev.palimpsest.sampler;

  exports dev.palimpsest.lab.answer;
  exports dev.palimpsest.lab.battery;
  exports dev.palimpsest.lab.battery.part;
  exports dev.palimpsest.lab.legibility;
  exports dev.palimpsest.lab.lens;
  exports dev.palimpsest.lab.measure;
  exports dev.palimpsest.lab.plan;
  exports dev.palimpsest.lab.probe;
  exports dev.palimpsest.lab.study;

  opens dev.palimpsest.lab.battery to
      tools.jackson.databind;
  opens dev.palimpsest.lab.battery.part to
      tools.jackson.databind;
  opens dev.palimpsest.lab.study to
      tools.jackson.databind;
}
