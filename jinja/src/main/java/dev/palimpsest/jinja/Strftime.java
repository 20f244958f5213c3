package dev.palimpsest.jinja;

import java.time.DayOfWeek;
import java.time.LocalDateTime;
import java.time.format.TextStyle;
import java.time.temporal.IsoFields;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** {@code strftime}, as Transformers' {@code strftime_now} calls it, in the C locale. */
final class Strftime {
  private static final Pattern FIELD = Pattern.compile("%([-_0^#]?)(.)", Pattern.DOTALL);

  private Strftime() {}

  /** A field: its value, and how it is filled up. */
  private record Field(String value, int width, char fill) {
    static Field text(String value) {
      return new Field(value, 0, ' ');
    }

    static Field number(int value, int width) {
      return new Field(Integer.toString(value), width, '0');
    }

    static Field spaced(int value) {
      return new Field(Integer.toString(value), 2, ' ');
    }
  }

  static String format(String pattern, LocalDateTime time) {
    StringBuilder text = new StringBuilder();
    Matcher field = FIELD.matcher(pattern);
    int from = 0;
    while (field.find(from)) {
      text.append(pattern, from, field.start());
      Field each = field(field.group(2).charAt(0), time);
      char fill =
          switch (field.group(1)) {
            case "_" -> ' ';
            case "0" -> '0';
            default -> each.fill();
          };
      int missing = field.group(1).equals("-") ? 0 : each.width() - each.value().length();
      text.repeat(fill, Math.max(0, missing));
      text.append(
          field.group(1).equals("^") ? each.value().toUpperCase(Locale.ROOT) : each.value());
      from = field.end();
    }
    return text.append(pattern.substring(from)).toString();
  }

  private static Field field(char letter, LocalDateTime time) {
    int hour = time.getHour();
    int twelve = hour % 12 == 0 ? 12 : hour % 12;
    DayOfWeek day = time.getDayOfWeek();
    int ofYear = time.getDayOfYear() - 1;
    return switch (letter) {
      case 'd' -> Field.number(time.getDayOfMonth(), 2);
      case 'e' -> Field.spaced(time.getDayOfMonth());
      case 'm' -> Field.number(time.getMonthValue(), 2);
      case 'y' -> Field.number(time.getYear() % 100, 2);
      case 'Y' -> Field.number(time.getYear(), 0);
      case 'C' -> Field.number(time.getYear() / 100, 2);
      case 'b', 'h' -> Field.text(time.getMonth().getDisplayName(TextStyle.SHORT, Locale.US));
      case 'B' -> Field.text(time.getMonth().getDisplayName(TextStyle.FULL, Locale.US));
      case 'a' -> Field.text(day.getDisplayName(TextStyle.SHORT, Locale.US));
      case 'A' -> Field.text(day.getDisplayName(TextStyle.FULL, Locale.US));
      case 'H' -> Field.number(hour, 2);
      case 'k' -> Field.spaced(hour);
      case 'I' -> Field.number(twelve, 2);
      case 'l' -> Field.spaced(twelve);
      case 'M' -> Field.number(time.getMinute(), 2);
      case 'S' -> Field.number(time.getSecond(), 2);
      case 'f' -> Field.number(time.getNano() / 1000, 6);
      case 'p' -> Field.text(hour < 12 ? "AM" : "PM");
      case 'P' -> Field.text(hour < 12 ? "am" : "pm");
      case 'j' -> Field.number(ofYear + 1, 3);
      case 'u' -> Field.number(day.getValue(), 0);
      case 'w' -> Field.number(day.getValue() % 7, 0);
      case 'U' -> Field.number((ofYear + 7 - day.getValue() % 7) / 7, 2);
      case 'W' -> Field.number((ofYear + 7 - (day.getValue() - 1)) / 7, 2);
      case 'V' -> Field.number(time.get(IsoFields.WEEK_OF_WEEK_BASED_YEAR), 2);
      case 'G' -> Field.number(time.get(IsoFields.WEEK_BASED_YEAR), 0);
      case 'g' -> Field.number(time.get(IsoFields.WEEK_BASED_YEAR) % 100, 2);
      case 'D', 'x' -> Field.text(format("%m/%d/%y", time));
      case 'F' -> Field.text(format("%Y-%m-%d", time));
      case 'R' -> Field.text(format("%H:%M", time));
      case 'T', 'X' -> Field.text(format("%H:%M:%S", time));
      case 'r' -> Field.text(format("%I:%M:%S %p", time));
      case 'c' -> Field.text(format("%a %b %e %H:%M:%S %Y", time));
      case 'n' -> Field.text("\n");
      case 't' -> Field.text("\t");
      case '%' -> Field.text("%");
      // The time has no zone.
      case 'z', 'Z' -> Field.text("");
      default -> throw new JinjaException("\"strftime_now\" does not know %" + letter);
    };
  }
}
