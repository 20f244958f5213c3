package dev.palimpsest.engine.model;

/**
 * A mixture of experts in place of the dense feed-forward, from some layer on.
 *
 * @param count experts of a layer
 * @param perToken experts that a token uses
 * @param width inner width of an expert
 * @param sharedWidth inner width of the expert that every token uses; 0 if there is none
 * @param denseLayers leading layers whose feed-forward is dense
 * @param router chooses the experts
 */
public record Experts(
    int count, int perToken, int width, int sharedWidth, int denseLayers, Router router) {}
