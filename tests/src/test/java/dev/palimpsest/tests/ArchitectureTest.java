package dev.palimpsest.tests;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/**
 * The arrows of the house: app to sampler to engine to bindings, and none back. A rule whose
 * package is still empty passes.
 */
@AnalyzeClasses(packages = "dev.palimpsest", importOptions = ImportOption.DoNotIncludeTests.class)
final class ArchitectureTest {
  private static final String APP = "dev.palimpsest.app..";
  private static final String SAMPLER = "dev.palimpsest.sampler..";
  private static final String ENGINE = "dev.palimpsest.engine..";
  private static final String BINDINGS = "dev.palimpsest.bindings..";

  private static final String FORWARD = "dev.palimpsest.engine.forward..";
  private static final String MODEL = "dev.palimpsest.engine.model..";
  private static final String CHECKPOINT = "dev.palimpsest.engine.checkpoint..";
  private static final String BACKEND = "dev.palimpsest.engine.backend";
  private static final String ANY_BACKEND = "dev.palimpsest.engine.backend..";
  private static final String CUDA = "dev.palimpsest.engine.backend.cuda..";
  private static final String HOST = "dev.palimpsest.engine.backend.host..";
  private static final String ONE_BACKEND = "dev.palimpsest.engine.backend.*..";

  @ArchTest
  static final ArchRule bindingsKnowNothingAboveThem = none(BINDINGS, ENGINE, SAMPLER, APP);

  @ArchTest static final ArchRule engineKnowsNothingAboveIt = none(ENGINE, SAMPLER, APP);

  @ArchTest static final ArchRule samplerKnowsNothingAboveIt = none(SAMPLER, APP);

  /** What is unpacked from a jar, as the library that packs traces, is unpacked by the bindings. */
  @ArchTest
  static final ArchRule samplerTouchesNoMemoryAndNoBackend =
      none(SAMPLER, "dev.palimpsest.bindings.*..", ANY_BACKEND, "java.lang.foreign..");

  @ArchTest
  static final ArchRule forwardKnowsBackendOnlyByItsInterface =
      none(FORWARD, ONE_BACKEND, BINDINGS);

  @ArchTest
  static final ArchRule backendInterfaceKnowsNoImplementationAndNoForward =
      none(BACKEND, ONE_BACKEND, FORWARD, BINDINGS);

  @ArchTest static final ArchRule backendsDoNotKnowForward = none(ONE_BACKEND, FORWARD);

  @ArchTest static final ArchRule cudaDoesNotKnowHost = none(CUDA, HOST);

  @ArchTest static final ArchRule hostDoesNotKnowCuda = none(HOST, CUDA);

  @ArchTest static final ArchRule modelKnowsNoBackend = none(MODEL, ANY_BACKEND, FORWARD, BINDINGS);

  @ArchTest
  static final ArchRule checkpointKnowsNoBackend = none(CHECKPOINT, ANY_BACKEND, FORWARD, BINDINGS);

  private static ArchRule none(String from, String... to) {
    return noClasses()
        .that()
        .resideInAPackage(from)
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(to)
        .allowEmptyShould(true);
  }
}
