package dev.palimpsest.sampler.likelihood;

import dev.palimpsest.step.Query;
import java.util.function.Supplier;

/**
 * A forward that is to be run; its tokens are put together when its turn comes, since there may be
 * thousands.
 *
 * @param width tokens of the query
 * @param query makes it, the same each time
 */
public record Forward(int width, Supplier<Query> query) {}
