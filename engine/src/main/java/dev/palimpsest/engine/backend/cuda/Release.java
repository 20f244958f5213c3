package dev.palimpsest.engine.backend.cuda;

import dev.palimpsest.bindings.cuda.CudaException;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Frees what a backend holds, all of it: on a device that has failed, freeing fails too. */
final class Release {
  private static final Logger LOG = LoggerFactory.getLogger(Release.class);

  private Release() {}

  static void all(List<? extends AutoCloseable> resources) {
    for (AutoCloseable resource : resources.reversed()) {
      one(resource);
    }
  }

  static void one(AutoCloseable resource) {
    try {
      resource.close();
    } catch (CudaException e) {
      LOG.debug("{} could not be freed: {}", resource, e.getMessage());
    } catch (Exception e) {
      throw new IllegalStateException("freeing " + resource + " failed", e);
    }
  }
}
