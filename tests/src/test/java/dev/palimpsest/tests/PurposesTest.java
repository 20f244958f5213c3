package dev.palimpsest.tests;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import dev.palimpsest.step.Philox;
import java.lang.reflect.Field;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Random numbers for different purposes are different numbers. */
final class PurposesTest {
  @Test
  void noTwoPurposesHaveOneCode() throws ReflectiveOperationException {
    JavaClasses classes =
        new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages("dev.palimpsest");
    Map<String, Integer> codes = new TreeMap<>();
    for (var type : classes) {
      for (JavaField field : type.getFields()) {
        if (field.getRawType().isEquivalentTo(Philox.Purpose.class)) {
          assertThat(field.getModifiers()).contains(JavaModifier.STATIC, JavaModifier.FINAL);
          Field constant = field.reflect();
          constant.setAccessible(true);
          codes.put(field.getFullName(), ((Philox.Purpose) constant.get(null)).code());
        }
      }
    }
    assertThat(codes).hasSizeGreaterThanOrEqualTo(6);
    assertThat(codes.values()).doesNotHaveDuplicates();
  }
}
