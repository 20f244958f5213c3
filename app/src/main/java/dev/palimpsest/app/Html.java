package dev.palimpsest.app;

/** Foreign text in a page. */
final class Html {
  private Html() {}

  /** Text as it may stand in an element or a quoted attribute. */
  static String escape(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("'", "&#39;")
        .replace("\"", "&quot;");
  }

  /** JSON as it may stand in a script element: no text in it ends that, or begins a comment. */
  static String script(String json) {
    return json.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026");
  }
}
