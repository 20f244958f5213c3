package dev.palimpsest.app.serve;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.util.concurrent.locks.ReentrantLock;
import org.eclipse.jetty.io.ManagedSelector;
import org.eclipse.jetty.io.SocketChannelEndPoint;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.thread.Scheduler;

/**
 * A connection that can be asked, while its request is worked on, whether the client has gone. The
 * server does not read then, and so would not know. What arrives early is kept for the next
 * request.
 *
 * <p>A client that has shut its side of the connection down counts as gone, even if it still reads:
 * the two cannot be told apart, and nearly every client that does so has left.
 */
final class WatchedEndPoint extends SocketChannelEndPoint {
  private static final int EARLY_BYTES = 4096;

  private final ReentrantLock reading = new ReentrantLock();
  private final ByteBuffer early = ByteBuffer.allocate(EARLY_BYTES).flip();
  private boolean gone;

  WatchedEndPoint(
      SocketChannel channel, ManagedSelector selector, SelectionKey key, Scheduler scheduler) {
    super(channel, selector, key, scheduler);
  }

  /** Whether the client has gone; does not wait. */
  boolean isGone() {
    if (!isOpen()) {
      return true;
    }
    reading.lock();
    try {
      if (!gone) {
        early.compact();
        // A client that sends more than fits is there.
        gone = early.hasRemaining() && getChannel().read(early) < 0;
        early.flip();
      }
    } catch (IOException _) {
      early.flip();
      gone = true;
    } finally {
      reading.unlock();
    }
    return gone;
  }

  @Override
  public int fill(ByteBuffer buffer) throws IOException {
    reading.lock();
    try {
      if (early.hasRemaining()) {
        int position = BufferUtil.flipToFill(buffer);
        int filled = BufferUtil.put(early, buffer);
        BufferUtil.flipToFlush(buffer, position);
        return filled;
      }
      return super.fill(buffer);
    } finally {
      reading.unlock();
    }
  }

  /** Bytes that were kept are there already, and no selector tells of them. */
  @Override
  protected void needsFillInterest() {
    boolean there;
    reading.lock();
    try {
      there = early.hasRemaining();
    } finally {
      reading.unlock();
    }
    if (there) {
      Thread.startVirtualThread(() -> getFillInterest().fillable());
    } else {
      super.needsFillInterest();
    }
  }
}
