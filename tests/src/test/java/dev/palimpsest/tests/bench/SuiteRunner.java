package dev.palimpsest.tests.bench;

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * Runs the test classes that are named, a line each test: passed, failed, or not run and why; exits
 * with 1 if one fails or none passes.
 */
public final class SuiteRunner {
  private SuiteRunner() {}

  public static void main(String[] classes) {
    System.exit(run(classes) ? 0 : 1);
  }

  /** Runs test classes; whether some passed and none failed. */
  public static boolean run(String... classes) {
    Lines lines = new Lines();
    LauncherFactory.create()
        .execute(
            LauncherDiscoveryRequestBuilder.request()
                .selectors(Arrays.stream(classes).map(name -> selectClass(name)).toList())
                .build(),
            lines);
    lines.out.printf(
        "%d passed, %d failed, %d not run%n", lines.passed, lines.failed, lines.notRun);
    return lines.passed > 0 && lines.failed == 0;
  }

  private static final class Lines implements TestExecutionListener {
    private final PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    private long started;
    private int passed;
    private int failed;
    private int notRun;

    @Override
    public void executionStarted(TestIdentifier test) {
      started = System.nanoTime();
    }

    @Override
    public void executionSkipped(TestIdentifier test, String reason) {
      notRun++;
      out.println("not run  " + name(test) + ": " + reason);
    }

    @Override
    public void executionFinished(TestIdentifier test, TestExecutionResult result) {
      String why = result.getThrowable().map(Throwable::getMessage).orElse("");
      switch (result.getStatus()) {
        case SUCCESSFUL -> {
          if (test.isTest()) {
            passed++;
            double seconds = (System.nanoTime() - started) / 1e9;
            out.printf(Locale.ROOT, "passed   %s (%.1f s)%n", name(test), seconds);
          }
        }
        case ABORTED -> {
          notRun++;
          out.println("not run  " + name(test) + ": " + why);
        }
        case FAILED -> {
          failed++;
          out.println("FAILED   " + name(test) + ": " + why);
          result.getThrowable().ifPresent(thrown -> thrown.printStackTrace(out));
        }
      }
    }

    /** "DeviceTest: thisIsSo(String): [1] case". */
    private static String name(TestIdentifier test) {
      return test.getUniqueIdObject().getSegments().stream()
              .filter(segment -> segment.getType().equals("class"))
              .map(segment -> segment.getValue().replaceFirst(".*\\.", "") + ": ")
              .reduce("", String::concat)
          + test.getUniqueIdObject().getSegments().stream()
              .filter(segment -> segment.getType().startsWith("test-template"))
              .filter(segment -> !segment.getType().endsWith("invocation"))
              .map(segment -> segment.getValue().replaceFirst("\\(.*", "") + " ")
              .reduce("", String::concat)
          + test.getDisplayName();
    }
  }
}
