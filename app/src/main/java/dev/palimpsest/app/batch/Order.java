package dev.palimpsest.app.batch;

/** In which order results are written. */
enum Order {
  /** That of the rows. */
  INPUT,
  /** That in which they are finished; each then says its row. */
  DONE
}
