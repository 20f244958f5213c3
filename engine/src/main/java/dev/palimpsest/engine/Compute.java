package dev.palimpsest.engine;

import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.backend.cuda.CudaBackend;
import dev.palimpsest.engine.backend.host.HostBackend;
import dev.palimpsest.engine.device.CudaOptions;
import dev.palimpsest.engine.device.DeviceException;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.ModelSpec;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What a model is to be computed on.
 *
 * @param device the machine's GPU or its CPU
 * @param precision of products; if not given, f32 on the host, which is defined to the last bit,
 *     and bf16 on a GPU
 * @param threads that compute on the host
 * @param cuda how a GPU is used
 */
public record Compute(Device device, Optional<Precision> precision, int threads, CudaOptions cuda) {

  /** Where operations run. */
  public enum Device {
    /** The GPU if there is one that can run the model, else the host. */
    AUTO,
    HOST,
    CUDA
  }

  /** The GPU if there is one that can run the model, else the host with all its processors. */
  public static Compute automatic() {
    return new Compute(
        Device.AUTO,
        Optional.empty(),
        Runtime.getRuntime().availableProcessors(),
        CudaOptions.DEFAULT);
  }

  /** The host, on some threads. */
  public static Compute onHost(Precision precision, int threads) {
    return new Compute(Device.HOST, Optional.of(precision), threads, CudaOptions.DEFAULT);
  }

  /**
   * Opens a backend for a model.
   *
   * @param notice is told, in one sentence, why {@link Device#AUTO} became the host
   * @throws DeviceException if the device was asked for and cannot run the model
   */
  @SuppressWarnings("exports") // backends are the engine's own
  public Backend open(ModelSpec spec, Consumer<String> notice) {
    return switch (device) {
      case HOST -> host();
      case CUDA -> cuda(spec);
      case AUTO -> {
        try {
          yield cuda(spec);
        } catch (DeviceException e) {
          notice.accept("computing on the host: " + e.getMessage());
          yield host();
        }
      }
    };
  }

  private Backend cuda(ModelSpec spec) {
    return CudaBackend.open(
        precision.orElse(Precision.BF16), cuda, spec, Transformer.workload(spec));
  }

  private Backend host() {
    if (cuda.fastGemm()) {
      throw new DeviceException("fast products are for a GPU, and the host computes");
    }
    return new HostBackend(precision.orElse(Precision.F32), threads, cuda.audit());
  }
}
