package dev.palimpsest.spark;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** The arrows from this module. They are tested here, so that no other module needs Spark. */
@AnalyzeClasses(
    packages = "dev.palimpsest.spark",
    importOptions = ImportOption.DoNotIncludeTests.class)
final class SparkArchitectureTest {
  @ArchTest
  static final ArchRule sparkGoesThroughTheFrontDoor =
      noClasses()
          .should()
          .dependOnClassesThat(
              resideInAPackage("dev.palimpsest..")
                  .and(
                      not(
                          resideInAnyPackage(
                              "dev.palimpsest.spark..",
                              "dev.palimpsest.api..",
                              "dev.palimpsest.sampler..",
                              "dev.palimpsest.engine.."))));

  @ArchTest
  static final ArchRule onlyPlacesKnowDevices =
      noClasses()
          .that()
          .doNotHaveSimpleName("Place")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("dev.palimpsest.engine.device..");
}
