package dev.palimpsest.app.chart;

/** Foreign text in a page. */
public final class Html {
  private Html() {}

  /** Text as it may stand in an element or a quoted attribute. */
  public static String escape(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("'", "&#39;")
        .replace("\"", "&quot;");
  }

  /** JSON as it may stand in a script element: no text in it ends that, or begins a comment. */
  public static String script(String json) {
    return json.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026");
  }
}
