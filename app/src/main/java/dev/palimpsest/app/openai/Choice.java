package dev.palimpsest.app.openai;

import java.util.List;
import java.util.Optional;

/**
 * One text of an answer.
 *
 * @param index among its texts, from 0
 * @param text without what ends it
 * @param finishReason {@code stop} or {@code length}
 * @param logprobs one per token, if they were asked for
 */
public record Choice(
    int index, String text, String finishReason, Optional<List<TokenLogprob>> logprobs) {}
