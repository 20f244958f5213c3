package dev.palimpsest.tests;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import java.util.Arrays;

/** The arrows of the house, none of which points back. */
@AnalyzeClasses(packages = "dev.palimpsest", importOptions = ImportOption.DoNotIncludeTests.class)
final class ArchitectureTest {
  private static final String STEP = "dev.palimpsest.step..";
  private static final String UNPACK = "dev.palimpsest.unpack..";
  private static final String JINJA = "dev.palimpsest.jinja..";
  private static final String BINDINGS = "dev.palimpsest.bindings..";
  private static final String ENGINE = "dev.palimpsest.engine..";
  private static final String SAMPLER = "dev.palimpsest.sampler..";
  private static final String LAB = "dev.palimpsest.lab..";
  private static final String API = "dev.palimpsest.api..";
  private static final String EXAMPLES = "dev.palimpsest.examples..";
  private static final String APP = "dev.palimpsest.app..";

  private static final String FORWARD = "dev.palimpsest.engine.forward..";
  private static final String MODEL = "dev.palimpsest.engine.model..";
  private static final String CHECKPOINT = "dev.palimpsest.engine.checkpoint..";
  private static final String BACKEND = "dev.palimpsest.engine.backend";
  private static final String ANY_BACKEND = "dev.palimpsest.engine.backend..";
  private static final String CUDA = "dev.palimpsest.engine.backend.cuda..";
  private static final String HOST = "dev.palimpsest.engine.backend.host..";
  private static final String ONE_BACKEND = "dev.palimpsest.engine.backend.*..";

  /** The guarantee: whoever knows this module alone cannot name a tensor. */
  @ArchTest static final ArchRule stepKnowsNothing = alone(STEP);

  @ArchTest static final ArchRule unpackKnowsNothing = alone(UNPACK);

  @ArchTest static final ArchRule jinjaKnowsNothing = alone(JINJA);

  @ArchTest static final ArchRule bindingsKnowWhatUnpacksThem = alone(BINDINGS, UNPACK);

  @ArchTest
  static final ArchRule engineKnowsNothingOfSamplers = alone(ENGINE, STEP, UNPACK, JINJA, BINDINGS);

  @ArchTest static final ArchRule samplerKnowsStepAlone = alone(SAMPLER, STEP, UNPACK);

  @ArchTest static final ArchRule samplerTouchesNoMemory = none(SAMPLER, "java.lang.foreign..");

  @ArchTest static final ArchRule labKnowsSamplersAlone = alone(LAB, STEP, SAMPLER);

  @ArchTest
  static final ArchRule apiJoinsSamplerAndEngine = none(API, BINDINGS, LAB, APP, EXAMPLES);

  @ArchTest
  static final ArchRule examplesGoThroughTheFrontDoor = alone(EXAMPLES, API, SAMPLER, ENGINE);

  @ArchTest static final ArchRule appDoesNotSeeBindings = none(APP, BINDINGS, EXAMPLES);

  /** Within a module too. */
  @ArchTest
  static final ArchRule packagesAreFreeOfCycles =
      slices().assignedFrom(new Packages()).should().beFreeOfCycles();

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

  /** Every package is a slice. */
  private static final class Packages implements SliceAssignment {
    @Override
    public SliceIdentifier getIdentifierOf(JavaClass type) {
      return SliceIdentifier.of(type.getPackageName());
    }

    @Override
    public String getDescription() {
      return "packages";
    }
  }

  private static ArchRule none(String from, String... to) {
    return noClasses()
        .that()
        .resideInAPackage(from)
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(to);
  }

  /** Of this project, a module knows itself and these others. */
  private static ArchRule alone(String module, String... others) {
    String[] known = Arrays.copyOf(others, others.length + 1);
    known[others.length] = module;
    return noClasses()
        .that()
        .resideInAPackage(module)
        .should()
        .dependOnClassesThat(
            resideInAPackage("dev.palimpsest..").and(not(resideInAnyPackage(known))));
  }
}
