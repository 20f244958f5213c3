package dev.palimpsest.engine.backend.cuda;

import dev.palimpsest.bindings.cuda.Context;
import dev.palimpsest.bindings.cuda.Cuda;
import dev.palimpsest.bindings.cuda.Device;
import dev.palimpsest.engine.backend.Backend;
import dev.palimpsest.engine.backend.Weight;
import dev.palimpsest.engine.checkpoint.Checkpoint;
import dev.palimpsest.engine.checkpoint.Tensor;
import dev.palimpsest.engine.device.CudaOptions;
import dev.palimpsest.engine.device.Precision;
import dev.palimpsest.engine.forward.Transformer;
import dev.palimpsest.engine.model.Families;
import dev.palimpsest.engine.model.ModelSpec;
import dev.palimpsest.step.Query;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A published model in bf16 on an emulated device that is idle: its weights have shapes and
 * addresses, and no content, so a step is written down and not computed. The device says that it
 * has as many multiprocessors as the {@link Card}.
 */
final class UnloadedModel implements AutoCloseable {
  /** What the device has to have. */
  static final long MEMORY = 220L << 30;

  private static final long KV_CACHE_BYTES = 96L << 30;

  private final List<CudaWeight> weights = new ArrayList<>();
  private final ModelSpec spec;
  private final StepCosts costs;
  private final Transformer transformer;

  /**
   * Opens one.
   *
   * @param config the name of a published configuration
   * @param folder where a checkpoint without content may be written
   */
  UnloadedModel(String config, Path folder) {
    spec = write(config, folder);
    CudaBackend backend =
        new CudaBackend(
            Precision.BF16,
            CudaOptions.DEFAULT,
            spec,
            Context.retain(large(Cuda.devices().getFirst())));
    costs = new StepCosts(spec.attention().headSize(), weights::get);
    backend.readBy(costs);
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      transformer =
          Transformer.load(checkpoint, spec, withoutWeights(backend), KV_CACHE_BYTES, _ -> {});
    }
  }

  private static Device large(Device device) {
    return new Device(
        device.ordinal(),
        device.name(),
        device.uuid(),
        device.major(),
        device.minor(),
        MEMORY,
        Card.MULTIPROCESSORS,
        device.sharedBytesPerBlock());
  }

  /** A file as long as the model's, of which nothing but the header takes room on a disk. */
  private static ModelSpec write(String config, Path folder) {
    try (InputStream in = UnloadedModel.class.getResourceAsStream("/configs/" + config + ".json")) {
      byte[] content = in.readAllBytes();
      Files.write(folder.resolve("config.json"), content);
      JsonNode json = JsonMapper.shared().readTree(content);
      ModelSpec spec = Families.spec(json);
      StringBuilder header = new StringBuilder("{");
      long end = 0;
      for (Map.Entry<String, List<Long>> tensor :
          Families.of(json).tensors().shapes(spec, Set.of()).entrySet()) {
        long start = end;
        end += 2 * tensor.getValue().stream().reduce(1L, Math::multiplyExact);
        header
            .append(header.length() == 1 ? "" : ",")
            .append(
                "\"%s\":{\"dtype\":\"BF16\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
                    .formatted(tensor.getKey(), tensor.getValue(), start, end));
      }
      byte[] head = header.append("}").toString().getBytes(StandardCharsets.UTF_8);
      try (RandomAccessFile file =
          new RandomAccessFile(folder.resolve("model.safetensors").toFile(), "rw")) {
        ByteBuffer length = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
        file.write(length.putLong(head.length).array());
        file.write(head);
        file.setLength(8 + head.length + end);
      }
      return spec;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The same backend, whose weights are no copies of anything. */
  private Backend withoutWeights(CudaBackend backend) {
    return (Backend)
        Proxy.newProxyInstance(
            Backend.class.getClassLoader(),
            new Class<?>[] {Backend.class},
            (_, method, arguments) -> {
              try {
                return switch (method.getName()) {
                  case "weight", "expertWeight", "exactWeight" ->
                      weight(
                          backend, (List<?>) arguments[0], !method.getName().equals("exactWeight"));
                  case "table" ->
                      allocated(
                          backend, Precision.F32, (Integer) arguments[0], (Integer) arguments[1]);
                  default -> method.invoke(backend, arguments);
                };
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  private Weight weight(CudaBackend backend, List<?> parts, boolean narrow) {
    List<Long> shape = ((Tensor) parts.getFirst()).shape();
    int columns = Math.toIntExact(shape.getLast());
    long elements = parts.stream().mapToLong(part -> ((Tensor) part).elements()).sum();
    Precision stored = narrow && shape.size() > 1 ? Precision.BF16 : Precision.F32;
    return allocated(backend, stored, Math.toIntExact(elements / columns), columns);
  }

  private Weight allocated(CudaBackend backend, Precision stored, int rows, int columns) {
    CudaWeight weight = backend.allocate(stored, rows, columns);
    weights.add(weight);
    return weight;
  }

  ModelSpec spec() {
    return spec;
  }

  /** What a step consists of that follows on others of the same texts. */
  List<StepCosts.Operation> step(List<Query> queries) {
    transformer.clearKvCache();
    for (int step = 0; step < 2; step++) {
      var _ = transformer.predict(queries);
    }
    return costs.last();
  }

  @Override
  public void close() {
    transformer.close();
  }
}
