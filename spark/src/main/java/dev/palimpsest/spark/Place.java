package dev.palimpsest.spark;

import dev.palimpsest.api.SamplerDefaults;
import dev.palimpsest.engine.Compute;
import dev.palimpsest.engine.LoadOptions;
import dev.palimpsest.engine.device.CudaOptions;
import dev.palimpsest.engine.model.Blocks;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.SparkEnv;
import org.apache.spark.SparkFiles;
import org.apache.spark.resource.ResourceInformation;

/**
 * Which model an executor holds, and on what: the GPU that Spark has given to the task, or the host
 * if it has given none. Nothing is looked for, so that a task computes the same wherever it runs.
 *
 * @param model the folder as the user named it
 * @param blockLength of a model whose attention is in blocks, if one is asked for
 * @param seen how the model is to see its blocks
 * @param gpu its number, or {@link #HOST}
 */
record Place(String model, int blockLength, Blocks.Seen seen, int gpu) implements Serializable {
  /** No GPU. */
  static final int HOST = -1;

  /** The published length of blocks. */
  static final int PUBLISHED = 0;

  private static final String GPU = "gpu";

  /**
   * The place of a task.
   *
   * @param options of the sampler
   * @param resources that Spark has given to the task, by name
   * @throws IllegalArgumentException if it has more than one GPU, or one that has no number
   */
  static Place of(
      String model, Map<String, Object> options, Map<String, ResourceInformation> resources) {
    Optional<Blocks> blocks = SamplerDefaults.blocks(options);
    int blockLength = blocks.map(Blocks::length).orElse(PUBLISHED);
    Blocks.Seen seen = blocks.map(Blocks::seen).orElse(Blocks.Seen.FROM_START);
    ResourceInformation gpu = resources.get(GPU);
    return new Place(model, blockLength, seen, gpu == null ? HOST : number(gpu.addresses()));
  }

  private static int number(String[] addresses) {
    String all = String.join(", ", addresses);
    if (addresses.length != 1) {
      throw new IllegalArgumentException(
          "the task has the GPUs %s, and an engine computes on one: set spark.task.resource.gpu.amount to 1 or to a fraction"
              .formatted(all));
    }
    if (!all.matches("[0-9]{1,4}")) {
      throw new IllegalArgumentException(
          "the GPU address %s is no number: let the discovery script print indices, as nvidia-smi --query-gpu=index does"
              .formatted(all));
    }
    return Integer.parseInt(all);
  }

  /** Whether it takes the memory of the same device. */
  boolean sharesDeviceWith(Place other) {
    return gpu == other.gpu;
  }

  /** The folder here: as named, or where Spark has put the files and archives of the job. */
  Path folder() {
    Path named = Path.of(model);
    if (named.isAbsolute() || Files.exists(named)) {
      return named;
    }
    Path shipped = Path.of(SparkFiles.getRootDirectory()).resolve(named);
    return Files.exists(shipped) ? shipped : named;
  }

  /** How the model is loaded: on the host it computes with the executor's cores. */
  LoadOptions loading() {
    Compute compute =
        gpu == HOST
            ? new Compute(Compute.Device.HOST, Optional.empty(), cores(), CudaOptions.DEFAULT)
            : new Compute(
                Compute.Device.CUDA, Optional.empty(), cores(), CudaOptions.DEFAULT.onDevice(gpu));
    return LoadOptions.on(compute)
        .withBlocks(
            blockLength == PUBLISHED
                ? Optional.empty()
                : Optional.of(new Blocks(blockLength, seen)));
  }

  private static int cores() {
    int processors = Runtime.getRuntime().availableProcessors();
    return SparkEnv.get() == null
        ? processors
        : Math.clamp(SparkEnv.get().conf().getInt("spark.executor.cores", processors), 1, 1024);
  }

  @Override
  public String toString() {
    return model + (gpu == HOST ? " on the host" : " on GPU " + gpu);
  }
}
