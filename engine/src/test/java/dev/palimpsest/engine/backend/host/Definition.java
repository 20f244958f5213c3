package dev.palimpsest.engine.backend.host;

/** The defined arithmetic as {@code docs/arithmetic.md} writes it down, one number at a time. */
final class Definition {
  private Definition() {}

  /** {@code before} plus the product of a row and a column; {@code before} absent is NaN. */
  static float product(float[] row, float[] column, float before) {
    float sum = before;
    for (int first = 0; first < row.length; first += 256) {
      float chain = 0;
      for (int p = first; p < Math.min(row.length, first + 256); p++) {
        chain = Math.fma(row[p], column[p], chain);
      }
      sum = Float.isNaN(sum) ? chain : sum + chain;
    }
    return sum;
  }

  /** Sixteen lanes, then halves. */
  static float tree(float[] lanes) {
    for (int half = 8; half >= 1; half /= 2) {
      for (int i = 0; i < half; i++) {
        lanes[i] += lanes[i + half];
      }
    }
    return lanes[0];
  }

  static float exp(float x) {
    if (x < -87.33f) {
      return 0;
    }
    float clamped = Math.min(x, 88);
    float shifted = Math.fma(clamped, 1.442695f, 0x1.8p23f);
    float n = shifted - 0x1.8p23f;
    float r = Math.fma(n, -0x1.63p-1f, clamped);
    r = Math.fma(n, 0.00021219444f, r);
    float p = 0.00019875691f;
    float[] rest = {0.0013981999f, 0.008333452f, 0.041665796f, 0.16666666f, 0.5f};
    for (float coefficient : rest) {
      p = Math.fma(p, r, coefficient);
    }
    p = Math.fma(p, r * r, r + 1);
    return p * Float.intBitsToFloat((Float.floatToRawIntBits(shifted) << 23) + 0x3F800000);
  }

  static float[] rmsNorm(float[] x, float[] gain, double epsilon) {
    float[] lanes = new float[16];
    for (int i = 0; i < x.length; i++) {
      lanes[i % 16] = Math.fma(x[i], x[i], lanes[i % 16]);
    }
    float scale = (float) (1 / Math.sqrt(tree(lanes) / x.length + epsilon));
    float[] result = new float[x.length];
    for (int i = 0; i < x.length; i++) {
      result[i] = x[i] * scale * gain[i];
    }
    return result;
  }

  static float swiGlu(float gate, float up) {
    return gate / (exp(-gate) + 1) * up;
  }

  static float tanh(float x) {
    float size = Math.abs(x);
    if (size < 0.625f) {
      float square = x * x;
      float p = -0.0057049887f;
      float[] rest = {0.02063909f, -0.053739715f, 0.13331442f, -0.3333328f};
      for (float coefficient : rest) {
        p = Math.fma(p, square, coefficient);
      }
      return Math.fma(p * square, x, x);
    }
    float large = 1 - 2 / (exp(size + size) + 1);
    return x < 0 ? -large : large;
  }

  static float geGlu(float gate, float up) {
    float inner = Math.fma(gate * gate * 0.044715f, gate, gate) * 0.7978846f;
    return gate * 0.5f * (tanh(inner) + 1) * up;
  }

  static float softCap(float x, float cap) {
    return tanh(x / cap) * cap;
  }

  /** {@code e^((x - highest) · inverse)} over their sum, which is added up in double. */
  static float[] softmax(float[] x, float inverse) {
    float highest = Float.NEGATIVE_INFINITY;
    for (float each : x) {
      highest = Math.max(highest, each);
    }
    float[] result = new float[x.length];
    double sum = 0;
    for (int first = 0; first < x.length; first += 16) {
      double some = 0;
      for (int i = first; i < Math.min(x.length, first + 16); i++) {
        result[i] = exp((x[i] - highest) * inverse);
        some += result[i];
      }
      sum += some;
    }
    float share = (float) (1 / sum);
    for (int i = 0; i < x.length; i++) {
      result[i] *= share;
    }
    return result;
  }

  /** One query over the keys it sees. */
  static float[] attention(float[] query, float[][] keys, float[][] values, int hidden) {
    float scale = (float) (1 / Math.sqrt(query.length));
    float[] scaled = new float[query.length];
    for (int i = 0; i < query.length; i++) {
      scaled[i] = query[i] * scale;
    }
    float[] sum = new float[query.length];
    float max = Float.NEGATIVE_INFINITY;
    float total = 0;
    for (int first = hidden / 256 * 256; first < keys.length; first += 256) {
      int count = Math.min(256, keys.length - first);
      float[] scores = new float[count];
      float highest = max;
      for (int j = 0; j < count; j++) {
        scores[j] =
            first + j < hidden
                ? Float.NEGATIVE_INFINITY
                : product(scaled, keys[first + j], Float.NaN);
        highest = Math.max(highest, scores[j]);
      }
      float shrink = (float) StrictMath.exp(max - highest);
      float[] lanes = new float[16];
      for (int j = 0; j < count; j++) {
        scores[j] = first + j < hidden ? 0 : exp(scores[j] - highest);
        lanes[j % 16] += scores[j];
      }
      total = total * shrink + tree(lanes);
      max = highest;
      for (int i = 0; i < sum.length; i++) {
        float[] column = new float[count];
        for (int j = 0; j < count; j++) {
          column[j] = values[first + j][i];
        }
        sum[i] = product(scores, column, sum[i] * shrink);
      }
    }
    for (int i = 0; i < sum.length; i++) {
      sum[i] *= 1 / total;
    }
    return sum;
  }
}
