package dev.palimpsest.lab.battery;

import java.util.OptionalInt;

/**
 * A problem of the battery.
 *
 * @param number in its file, from 0; added to the seed, so that every problem has its own and both
 *     models of a pair have the same
 * @param id what its file calls it
 * @param text what is asked
 * @param expected the right answer
 * @param steps how many steps of reasoning it takes, if its file says so
 */
public record Task(int number, String id, String text, String expected, OptionalInt steps) {}
