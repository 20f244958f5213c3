package dev.palimpsest.tests;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import dev.palimpsest.api.LanguageModel;
import dev.palimpsest.engine.Model;
import dev.palimpsest.jinja.JinjaTemplate;
import dev.palimpsest.lab.measure.Measures;
import dev.palimpsest.sampler.run.Driver;
import dev.palimpsest.step.Denoiser;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.module.ModuleDescriptor;
import java.net.JarURLConnection;
import java.net.URI;
import java.net.URL;
import java.net.URLConnection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * {@code docs/api.md} lists what the modules export to everybody. With the system property {@code
 * palimpsest.api.write} the page is written anew.
 */
final class ApiPageTest {
  private static final Path PAGE = Path.of("..", "docs", "api.md");

  /** One class of each module that exports something to everybody. */
  private static final List<Class<?>> MODULES =
      List.of(
          LanguageModel.class,
          Denoiser.class,
          Driver.class,
          Measures.class,
          Model.class,
          JinjaTemplate.class);

  private static final String HEAD =
      """
      # The interface for programs

      What the modules export: packages and public types, read from the module descriptors. Everything else is internal and may change at
      any time. `dev.palimpsest.api.LanguageModel` is where to begin; README has a program, `examples` has more.

      This page is written by `./mvnw -pl tests -am test -Dtest=ApiPageTest -Dsurefire.failIfNoSpecifiedTests=false -Dpalimpsest.api.write=true`
      and compared with the descriptors by every build.
      """;

  @Test
  void thePageListsWhatIsExported() throws IOException {
    String page = page();
    if (Boolean.getBoolean("palimpsest.api.write")) {
      Files.writeString(PAGE, page);
    }
    assertThat(Files.readString(PAGE)).isEqualTo(page);
  }

  @Test
  void theCommandLineAndTheBindingsExportNothingToEverybody() {
    for (String type : List.of("dev.palimpsest.app.Main", "dev.palimpsest.bindings.NativeAccess")) {
      assertThat(exported(descriptor(type))).isEmpty();
    }
  }

  private static String page() {
    StringBuilder page = new StringBuilder(HEAD);
    int types = 0;
    for (Class<?> each : MODULES) {
      ModuleDescriptor module = descriptor(each.getName());
      page.append("\n## ").append(module.name()).append("\n\n");
      for (Map.Entry<String, Set<String>> exported : types(module).entrySet()) {
        types += exported.getValue().size();
        page.append("- `%s`: ".formatted(exported.getKey()))
            .append(String.join(", ", exported.getValue()))
            .append('\n');
      }
    }
    return page.append("\n%d types in all.\n".formatted(types)).toString();
  }

  /** The public types of the packages that a module exports to everybody, by package. */
  private static Map<String, Set<String>> types(ModuleDescriptor module) {
    return exported(module).stream()
        .collect(
            Collectors.toMap(
                name -> name, ApiPageTest::publicTypes, (one, _) -> one, TreeMap::new));
  }

  private static List<String> exported(ModuleDescriptor module) {
    return module.exports().stream()
        .filter(each -> !each.isQualified())
        .map(ModuleDescriptor.Exports::source)
        .sorted()
        .toList();
  }

  private static Set<String> publicTypes(String name) {
    return new ClassFileImporter()
        .withImportOption(new DoNotIncludeTests()).importPackages(name).stream()
            .filter(type -> type.getPackageName().equals(name))
            .filter(type -> type.getModifiers().contains(JavaModifier.PUBLIC))
            .filter(JavaClass::isTopLevelClass)
            .map(JavaClass::getSimpleName)
            .collect(Collectors.toCollection(TreeSet::new));
  }

  /** Of the module that a class lies in, also where it was loaded from the class path. */
  private static ModuleDescriptor descriptor(String type) {
    String file = type.replace('.', '/') + ".class";
    URL found = ApiPageTest.class.getClassLoader().getResource(file);
    String root = String.valueOf(found).replace(file, "module-info.class");
    try {
      URLConnection connection = URI.create(root).toURL().openConnection();
      if (connection instanceof JarURLConnection jar) {
        jar.setUseCaches(false);
      }
      try (InputStream in = connection.getInputStream()) {
        return ModuleDescriptor.read(in);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
