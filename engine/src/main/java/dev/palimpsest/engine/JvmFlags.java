package dev.palimpsest.engine;

import dev.palimpsest.bindings.NativeAccess;
import dev.palimpsest.engine.device.DeviceException;

/** What the JVM must be started with. */
final class JvmFlags {
  private static final String VECTORS = "jdk.incubator.vector";

  private JvmFlags() {}

  /**
   * Checks both flags, before a class is loaded that needs them.
   *
   * @throws DeviceException naming the flag that is missing
   */
  static void require() {
    if (ModuleLayer.boot().findModule(VECTORS).isEmpty()) {
      throw new DeviceException(
          "the JVM runs without the module "
              + VECTORS
              + ": start it with --add-modules "
              + VECTORS);
    }
    if (!NativeAccess.isPermitted()) {
      Module module = NativeAccess.class.getModule();
      throw new DeviceException(
          "the JVM permits no access to native libraries: start it with --enable-native-access="
              + (module.isNamed() ? module.getName() : "ALL-UNNAMED"));
    }
  }
}
