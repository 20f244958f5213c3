package dev.palimpsest.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Python's numbers: ints of any size, kept as {@code Long} where they fit and as {@code BigInteger}
 * elsewhere, and floats.
 */
final class Numbers {
  private static final int MOST_BITS = 100_000;
  private static final Pattern FLOAT =
      Pattern.compile(
          "([-+]?)(?:(inf|infinity|nan)|((?:\\d+(?:_\\d+)*)?\\.?(?:\\d+(?:_\\d+)*)?(?:e[-+]?\\d+(?:_\\d+)*)?))",
          Pattern.CASE_INSENSITIVE);
  private static final Pattern DIGITS = Pattern.compile("[0-9a-z]+(?:_[0-9a-z]+)*");

  private Numbers() {}

  /** An int in the form that all of them have. */
  static Object whole(BigInteger value) {
    return value.bitLength() < Long.SIZE ? (Object) value.longValue() : (Object) value;
  }

  static boolean isWhole(Object value) {
    return value instanceof Long || value instanceof BigInteger;
  }

  static BigInteger big(Object whole) {
    return whole instanceof BigInteger big ? big : BigInteger.valueOf((Long) whole);
  }

  /** A number as one, a truth value as 0 or 1. */
  static Optional<Object> number(Object value) {
    return switch (value) {
      case Boolean flag -> Optional.of(flag ? 1L : 0L);
      case Long _, BigInteger _, Double _ -> Optional.of(value);
      default -> Optional.empty();
    };
  }

  static double decimal(Object number) {
    double value = ((Number) number).doubleValue();
    if (Double.isInfinite(value) && !(number instanceof Double)) {
      throw new JinjaException("an int is too large for a float");
    }
    return value;
  }

  /** Below, equal or above 0; empty where one of them is no number, as NaN is. */
  static Optional<Integer> compare(Object left, Object right) {
    if (left instanceof Double x && right instanceof Double y) {
      return Double.isNaN(x) || Double.isNaN(y)
          ? Optional.empty()
          : Optional.of(x < y ? -1 : x > y ? 1 : 0);
    }
    if (left instanceof Double x && (x.isNaN() || x.isInfinite())) {
      return x.isNaN() ? Optional.empty() : Optional.of(x > 0 ? 1 : -1);
    }
    if (right instanceof Double y && (y.isNaN() || y.isInfinite())) {
      return y.isNaN() ? Optional.empty() : Optional.of(y > 0 ? -1 : 1);
    }
    return Optional.of(exact(left).compareTo(exact(right)));
  }

  static BigDecimal exact(Object number) {
    return number instanceof Double value ? new BigDecimal(value) : new BigDecimal(big(number));
  }

  /** A float as Python prints it. */
  static String shown(double number) {
    if (Double.isNaN(number)) {
      return "nan";
    }
    if (Double.isInfinite(number)) {
      return number > 0 ? "inf" : "-inf";
    }
    double size = Math.abs(number);
    if (size == 0 || (size >= 1e-4 && size < 1e16)) {
      String plain = new BigDecimal(Double.toString(number)).stripTrailingZeros().toPlainString();
      return (number == 0 && 1 / number < 0 && !plain.startsWith("-") ? "-" : "")
          + (plain.contains(".") ? plain : plain + ".0");
    }
    String[] parts = Double.toString(number).split("E", -1);
    return parts[0].replaceFirst("\\.0$", "") + exponent(Integer.parseInt(parts[1]), 'e');
  }

  static String exponent(int exponent, char letter) {
    return letter
        + (exponent < 0 ? "-" : "+")
        + (Math.abs(exponent) < 10 ? "0" : "")
        + Math.abs(exponent);
  }

  /** A text with the decimal digits of every script as those of ASCII. */
  private static String digits(String text) {
    StringBuilder digits = new StringBuilder();
    text.codePoints()
        .forEach(
            c -> digits.appendCodePoint(Character.isDigit(c) ? '0' + Character.digit(c, 10) : c));
    return digits.toString();
  }

  /** {@code float(text)}. */
  static Optional<Double> parseFloat(String text) {
    Matcher matcher = FLOAT.matcher(digits(Strings.strip(text)));
    if (!matcher.matches()) {
      return Optional.empty();
    }
    double sign = matcher.group(1).equals("-") ? -1 : 1;
    if (matcher.group(2) != null) {
      return Optional.of(
          sign
              * (matcher.group(2).length() == 3 && Characters.lower(matcher.group(2)).equals("nan")
                  ? Double.NaN
                  : Double.POSITIVE_INFINITY));
    }
    String digits = matcher.group(3).replace("_", "");
    return digits.isEmpty()
            || !Character.isDigit(
                digits.charAt(digits.charAt(0) == '.' && digits.length() > 1 ? 1 : 0))
        ? Optional.empty()
        : Optional.of(sign * Double.parseDouble(digits));
  }

  /** {@code int(text, base)}. */
  static Optional<Object> parseInt(String text, int base) {
    String rest = Characters.lower(digits(Strings.strip(text)));
    boolean negative = rest.startsWith("-");
    if (negative || rest.startsWith("+")) {
      rest = rest.substring(1);
    }
    int radix = base;
    for (Prefix prefix : Prefix.values()) {
      if (rest.startsWith(prefix.text) && (base == 0 || base == prefix.radix)) {
        radix = prefix.radix;
        rest = rest.substring(2);
        rest = rest.startsWith("_") ? rest.substring(1) : rest;
        break;
      }
    }
    if (radix == 0) {
      radix = 10;
      if (rest.startsWith("0") && !rest.replaceAll("[0_]", "").isEmpty()) {
        return Optional.empty();
      }
    }
    if (radix < Character.MIN_RADIX
        || radix > Character.MAX_RADIX
        || !DIGITS.matcher(rest).matches()) {
      return Optional.empty();
    }
    try {
      BigInteger value = new BigInteger(rest.replace("_", ""), radix);
      return Optional.of(whole(negative ? value.negate() : value));
    } catch (NumberFormatException e) {
      return Optional.empty();
    }
  }

  private enum Prefix {
    HEXADECIMAL("0x", 16),
    OCTAL("0o", 8),
    BINARY("0b", 2);

    private final String text;
    private final int radix;

    Prefix(String text, int radix) {
      this.text = text;
      this.radix = radix;
    }
  }

  /** {@code left operator right} of two numbers. */
  static Object arithmetic(String operator, Object left, Object right) {
    boolean whole = isWhole(left) && isWhole(right);
    if (operator.equals("**")) {
      return power(whole, left, right);
    }
    if (!operator.equals("+")
        && !operator.equals("-")
        && !operator.equals("*")
        && decimalOrBig(right) == 0) {
      throw new JinjaException("a number is divided by 0");
    }
    if (whole && !operator.equals("/")) {
      BigInteger a = big(left);
      BigInteger b = big(right);
      return whole(
          switch (operator) {
            case "+" -> a.add(b);
            case "-" -> a.subtract(b);
            case "*" -> bounded(a, b);
            case "//" -> floorDivided(a, b)[0];
            default -> floorDivided(a, b)[1];
          });
    }
    if (whole && big(left).signum() == 0) {
      return big(right).signum() < 0 ? -0.0 : 0.0;
    }
    if (whole) {
      return new BigDecimal(big(left))
          .divide(new BigDecimal(big(right)), MathContext.DECIMAL128)
          .doubleValue();
    }
    double a = decimal(left);
    double b = decimal(right);
    return switch (operator) {
      case "+" -> a + b;
      case "-" -> a - b;
      case "*" -> a * b;
      case "/" -> a / b;
      case "//" -> floorQuotient(a, b);
      default -> floorRemainder(a, b);
    };
  }

  private static double decimalOrBig(Object number) {
    return number instanceof Double value ? value : big(number).signum();
  }

  private static BigInteger bounded(BigInteger a, BigInteger b) {
    if (a.bitLength() + b.bitLength() > MOST_BITS) {
      throw new JinjaException("a number becomes too large");
    }
    return a.multiply(b);
  }

  private static BigInteger[] floorDivided(BigInteger a, BigInteger b) {
    BigInteger[] parts = a.divideAndRemainder(b);
    if (parts[1].signum() != 0 && parts[1].signum() != b.signum()) {
      parts[0] = parts[0].subtract(BigInteger.ONE);
      parts[1] = parts[1].add(b);
    }
    return parts;
  }

  /** As CPython's {@code float_rem}: the sign is that of the divisor. */
  private static double floorRemainder(double a, double b) {
    double remainder = a % b;
    if (remainder == 0) {
      return Math.copySign(0.0, b);
    }
    return (b < 0) != (remainder < 0) ? remainder + b : remainder;
  }

  /** Division rounded down, as CPython's {@code float_floor_div}. */
  private static double floorQuotient(double a, double b) {
    double remainder = a % b;
    double quotient = (a - remainder) / b;
    if (remainder != 0 && (b < 0) != (remainder < 0)) {
      quotient -= 1;
    }
    if (quotient == 0) {
      return Math.copySign(0.0, a / b);
    }
    double floor = Math.floor(quotient);
    return quotient - floor > 0.5 ? floor + 1 : floor;
  }

  private static Object power(boolean whole, Object left, Object right) {
    if (whole && big(right).signum() >= 0) {
      BigInteger base = big(left);
      if (base.abs().compareTo(BigInteger.ONE) <= 0) {
        boolean odd = big(right).testBit(0);
        return big(right).signum() == 0 ? 1L : whole(odd ? base : base.abs());
      }
      if (!(right instanceof Long exponent) || exponent * base.bitLength() > MOST_BITS) {
        throw new JinjaException("a number becomes too large");
      }
      return whole(base.pow(exponent.intValue()));
    }
    double base = decimal(left);
    double exponent = decimal(right);
    if (base == 0 && exponent < 0) {
      throw new JinjaException("a number is divided by 0");
    }
    double power = Math.pow(base, exponent);
    if (Double.isNaN(power) && !Double.isNaN(base) && !Double.isNaN(exponent)) {
      throw new JinjaException("a negative number has no such power");
    }
    if (Double.isInfinite(power) && !Double.isInfinite(base) && !Double.isInfinite(exponent)) {
      throw new JinjaException("a number becomes too large");
    }
    return base == 1 || exponent == 0 ? 1.0 : power;
  }
}
