/** {@code battery}: the faithfulness battery over a file of problems, and the report about it. */
@NullMarked
package dev.palimpsest.app.battery;

import org.jspecify.annotations.NullMarked;
