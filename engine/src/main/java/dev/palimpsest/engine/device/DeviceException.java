package dev.palimpsest.engine.device;

/** A device that cannot be used, or failed while it was. The message is one sentence. */
public final class DeviceException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public DeviceException(String message) {
    super(message);
  }

  public DeviceException(String message, Throwable cause) {
    super(message, cause);
  }
}
