package dev.palimpsest.sampler.method;

import dev.palimpsest.sampler.canvas.CanvasImage;
import dev.palimpsest.sampler.canvas.CellState;
import dev.palimpsest.step.AttentionPattern;
import java.util.OptionalInt;

/**
 * What a model can take.
 *
 * @param vocabulary ids are in {@code [0, vocabulary)}
 * @param maxLength longest sequence, prompt and text together
 * @param pattern which keys its queries see; it decides which samplers fit
 * @param shifted whether its output at a position predicts the next one, which sub-blocks need
 */
public record ModelLimits(
    int vocabulary, int maxLength, AttentionPattern pattern, boolean shifted) {

  /** A model whose predictions are of their own positions. */
  public ModelLimits(int vocabulary, int maxLength, AttentionPattern pattern) {
    this(vocabulary, maxLength, pattern, false);
  }

  /** The sampler that such a model was published with. */
  public String sampler() {
    return switch (pattern) {
      case AttentionPattern.Full _ -> shifted ? DreamSampler.NAME : LladaSampler.NAME;
      case AttentionPattern.BlockCausal _ -> shifted ? SubBlockSampler.NAME : BlockSampler.NAME;
      case AttentionPattern.BlocksFromEnd _ -> BlockSampler.NAME;
      case AttentionPattern.CausalContext _ -> SeededBlockSampler.NAME;
      case AttentionPattern.KnownFirst _ -> WedlmSampler.NAME;
      case AttentionPattern.Causal _ -> DecodeSampler.NAME;
      case AttentionPattern.Canvas _ -> EntropyBoundSampler.NAME;
    };
  }

  /**
   * Checks a request against the model. An empty prompt is allowed: the text is then written from
   * nothing.
   *
   * @throws InvalidOptionException if the sampler does not fit the model, an id is no token, or
   *     prompt and text are longer than the model takes
   */
  public void require(int[] prompt, SamplingOptions options) {
    requireFit(options);
    if (prompt.length >= maxLength) {
      throw InvalidOptionException.ofPrompt(
          "of " + prompt.length + " tokens",
          "leaves no room to write: the model takes "
              + maxLength
              + " tokens, prompt and text together");
    }
    int room = room(prompt.length, options);
    if (options.genLength() > room) {
      throw new InvalidOptionException(
          "gen_length",
          options.genLength(),
          "and a prompt of "
              + prompt.length
              + " tokens are more than the "
              + maxLength
              + " the model takes: use up to "
              + room);
    }
    requireIds(prompt);
  }

  /**
   * Checks what stands on a canvas behind its prompt.
   *
   * @throws InvalidOptionException if the options are of another number of positions, or an id is
   *     no token
   */
  public void require(CanvasImage canvas, SamplingOptions options) {
    int found = canvas.length() - canvas.promptLength();
    if (options.positions(canvas.promptLength()) != found) {
      throw new InvalidOptionException(
          "gen_length",
          options.genLength(),
          "does not fit a canvas with %d positions behind a prompt of %d: use %1$d, in whole blocks"
              .formatted(found, canvas.promptLength()));
    }
    for (int position = canvas.promptLength(); position < canvas.length(); position++) {
      int id = canvas.id(position);
      if (canvas.state(position) != CellState.MASKED && (id < 0 || id >= vocabulary)) {
        throw InvalidOptionException.ofCanvas(
            "id " + id,
            "at position " + position + " is no token: ids are 0 to " + (vocabulary - 1));
      }
    }
  }

  /**
   * Checks a text whose completion is to be scored behind a prompt. Masks behind it up to the end
   * of a block must have room too.
   *
   * @throws InvalidOptionException if there is nothing to score, an id is no token, the model
   *     cannot take so many, or is causal and has no token before the first
   */
  public void requireScorable(int[] prompt, int[] completion) {
    if (completion.length == 0) {
      throw InvalidOptionException.ofCompletion(
          "of 0 tokens", "has nothing to score: give it some");
    }
    if (prompt.length == 0 && pattern instanceof AttentionPattern.Causal) {
      throw InvalidOptionException.ofPrompt(
          "of 0 tokens",
          "leaves the first token without a score: a causal model predicts it from one before it");
    }
    int room = maxLength / alignment() * alignment();
    if (prompt.length > room - completion.length) {
      throw InvalidOptionException.ofCompletion(
          "of %d tokens behind a prompt of %d".formatted(completion.length, prompt.length),
          "cannot be scored: the model takes " + room + " tokens, both together");
    }
    requireIds(prompt);
    for (int position = 0; position < completion.length; position++) {
      if (completion[position] < 0 || completion[position] >= vocabulary) {
        throw InvalidOptionException.ofCompletion(
            "id " + completion[position],
            "at position " + position + " is no token: ids are 0 to " + (vocabulary - 1));
      }
    }
  }

  /**
   * Checks a text whose tokens are to be scored, all but the first.
   *
   * @param more tokens that are to have room behind it
   * @throws InvalidOptionException if the model cannot take the text
   */
  public void requireScorable(int[] tokens, int more) {
    if (pattern instanceof AttentionPattern.Canvas) {
      throw InvalidOptionException.ofPrompt(
          "of " + tokens.length + " tokens",
          "cannot be scored: the model fills canvases of random ids, and no likelihood is defined");
    }
    int room = maxLength / alignment() * alignment() - more;
    if (tokens.length < 1 || tokens.length > room) {
      throw InvalidOptionException.ofPrompt(
          "of " + tokens.length + " tokens",
          "cannot be scored: the model takes 1 to "
              + room
              + (more == 0 ? " tokens" : " tokens and one behind them"));
    }
    requireIds(tokens);
  }

  private int alignment() {
    return pattern instanceof AttentionPattern.BlockCausal blocks ? blocks.length() : 1;
  }

  private void requireIds(int[] prompt) {
    for (int position = 0; position < prompt.length; position++) {
      if (prompt[position] < 0 || prompt[position] >= vocabulary) {
        throw InvalidOptionException.ofPrompt(
            "id " + prompt[position],
            "at position " + position + " is no token: ids are 0 to " + (vocabulary - 1));
      }
    }
  }

  /** The largest gen_length; blocks must be whole. */
  private int room(int promptLength, SamplingOptions options) {
    if (options instanceof EntropyBoundOptions bound) {
      return (maxLength - promptLength) / bound.canvasLength() * bound.canvasLength();
    }
    int length = blockLength(options).orElse(1);
    return countsFromPrompt(options)
        ? (maxLength - promptLength) / length * length
        : maxLength / length * length - promptLength;
  }

  /**
   * Checks that the sampler fits the model.
   *
   * @throws InvalidOptionException in a sentence that says why not, and which sampler does
   */
  public void requireFit(SamplingOptions options) {
    switch (pattern) {
      case AttentionPattern.Canvas(int length) -> requireCanvases(options, length);
      case AttentionPattern.Full _ -> {
        String why =
            switch (options) {
              case DecodeOptions _ ->
                  "writes from left to right, and the model's attention goes both ways";
              case SubBlockOptions _ ->
                  "begins a block from the one before alone, and the model's attention goes both"
                      + " ways";
              case EntropyBoundOptions _ ->
                  "fills canvases of random ids, and the model fills masks";
              case SeededBlockOptions _, LinearSpecOptions _ ->
                  "begins a block with what a causal context predicts, and the model's attention"
                      + " goes both ways";
              case WedlmOptions _ ->
                  "puts masks behind what is known, and the model's attention goes both ways";
              case IsdOptions _ ->
                  "checks drafts causally, and the model's attention goes both ways";
              case LladaOptions _, DreamOptions _, RemdmOptions _, P2Options _, BlockOptions _ ->
                  "";
            };
        if (!why.isEmpty()) {
          throw misfit(options, why, "llada, dream, remdm, p2 or block");
        }
      }
      case AttentionPattern.Causal _ -> {
        if (!(options instanceof DecodeOptions || options instanceof IsdOptions)) {
          throw misfit(
              options, "fills masks, and the model writes from left to right", DecodeSampler.NAME);
        }
      }
      case AttentionPattern.BlockCausal blocks -> {
        if (!shifted && options instanceof SubBlockOptions) {
          throw misfit(
              options,
              "begins a block with what the one before predicts, and the model's predictions are"
                  + " of their own positions",
              BlockSampler.NAME);
        }
        if (!(options instanceof BlockOptions || options instanceof SubBlockOptions)) {
          throw misfit(
              options,
              "does not know that the model's attention is in blocks of " + blocks.length(),
              shifted ? SubBlockSampler.NAME + " or " + BlockSampler.NAME : BlockSampler.NAME);
        }
        requireBlocks(options, blocks.length(), false);
      }
      case AttentionPattern.BlocksFromEnd blocks -> {
        if (!(options instanceof BlockOptions)) {
          throw misfit(
              options,
              "does not know that the model's attention is in blocks of " + blocks.length(),
              BlockSampler.NAME);
        }
        requireBlocks(options, blocks.length(), true);
      }
      case AttentionPattern.CausalContext blocks -> {
        switch (options) {
          case DecodeOptions _ -> {}
          case SeededBlockOptions _, LinearSpecOptions _ ->
              requireBlocks(options, blocks.length(), true);
          default ->
              throw misfit(
                  options,
                  "does not know that the model sees a block behind a causal context",
                  String.join(
                      ", ",
                      SeededBlockSampler.NAME,
                      LinearSpecSampler.NAME + " or " + DecodeSampler.NAME));
        }
      }
      case AttentionPattern.KnownFirst _ -> {
        if (!(options instanceof WedlmOptions)) {
          throw misfit(
              options,
              "does not know that the model sees masks behind all that is known",
              WedlmSampler.NAME);
        }
      }
    }
  }

  private static void requireBlocks(
      SamplingOptions options, int length, boolean areCountedFromPrompt) {
    int given = blockLength(options).orElseThrow();
    if (given != length) {
      throw new InvalidOptionException(
          "block_length",
          given,
          "does not fit the model, whose attention is in blocks of %d: use %d"
              .formatted(length, length));
    }
    if (countsFromPrompt(options) != areCountedFromPrompt) {
      throw new InvalidOptionException(
          "after_prompt",
          countsFromPrompt(options),
          "does not fit the model, whose blocks are counted from %s: use %s"
              .formatted(
                  areCountedFromPrompt ? "the end of the prompt" : "position 0",
                  areCountedFromPrompt));
    }
  }

  /** Whether a sampler counts blocks from the end of the prompt. */
  private static boolean countsFromPrompt(SamplingOptions options) {
    return switch (options) {
      case BlockOptions block -> block.afterPrompt();
      case SeededBlockOptions _, LinearSpecOptions _ -> true;
      default -> false;
    };
  }

  private void requireCanvases(SamplingOptions options, int length) {
    if (!(options instanceof EntropyBoundOptions bound)) {
      throw misfit(
          options,
          "fills masks, and the model's canvases are random ids",
          EntropyBoundSampler.NAME);
    }
    requireOwn("canvas_length", bound.canvasLength(), length);
    requireOwn("vocabulary", bound.vocabulary(), vocabulary);
  }

  private static void requireOwn(String option, int given, int own) {
    if (given != own) {
      throw new InvalidOptionException(option, given, "is not the model's: use " + own);
    }
  }

  /** The block length of a sampler that follows a model's blocks. */
  private static OptionalInt blockLength(SamplingOptions options) {
    return switch (options) {
      case BlockOptions block -> OptionalInt.of(block.blockLength());
      case SubBlockOptions block -> OptionalInt.of(block.blockLength());
      case SeededBlockOptions block -> OptionalInt.of(block.blockLength());
      case LinearSpecOptions block -> OptionalInt.of(block.blockLength());
      case LladaOptions _,
          DreamOptions _,
          RemdmOptions _,
          P2Options _,
          EntropyBoundOptions _,
          WedlmOptions _,
          IsdOptions _,
          DecodeOptions _ ->
          OptionalInt.empty();
    };
  }

  private static InvalidOptionException misfit(SamplingOptions options, String why, String remedy) {
    return new InvalidOptionException("sampler", options.samplerName(), why + ": use " + remedy);
  }
}
