package dev.palimpsest.app;

import java.io.File;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.Assumptions;
import org.openqa.selenium.JavascriptExecutor;
import org.openqa.selenium.WebDriver;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;

/** A real browser without a window: Chromium and its driver, where they are installed. */
public final class Browser implements AutoCloseable {
  private static final Logger SELENIUM = Logger.getLogger("org.openqa.selenium");

  private final ChromeDriver driver;

  private Browser(ChromeDriver driver) {
    this.driver = driver;
  }

  /** Starts it, or skips the test and says why. */
  public static Browser start() {
    Optional<Path> driver = find("chromedriver");
    Optional<Path> browser =
        find("chromium").or(() -> find("google-chrome")).or(() -> find("chrome"));
    Assumptions.assumeTrue(
        driver.isPresent() && browser.isPresent(),
        "no browser: install chromium and chromium-driver, as .ci/run does");
    ChromeOptions options = new ChromeOptions();
    options.setBinary(browser.orElseThrow().toFile());
    options.addArguments(
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--window-size=1280,900");
    // It misses a library for a part of the browser's protocol that is not used here.
    SELENIUM.setLevel(Level.SEVERE);
    ChromeDriverService service =
        new ChromeDriverService.Builder()
            .usingDriverExecutable(driver.orElseThrow().toFile())
            .build();
    return new Browser(new ChromeDriver(service, options));
  }

  private static Optional<Path> find(String program) {
    return Arrays.stream(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator, -1))
        .map(folder -> Path.of(folder, program))
        .filter(Files::isExecutable)
        .findFirst();
  }

  public WebDriver driver() {
    return driver;
  }

  public void open(URI page) {
    driver.get(page.toString());
  }

  public void open(Path page) {
    open(page.toUri());
  }

  public Object script(String code, Object... arguments) {
    Object result = ((JavascriptExecutor) driver).executeScript(code, arguments);
    return result == null ? "" : result;
  }

  /** The width that the page sees. */
  public void width(int pixels) {
    driver.executeCdpCommand(
        "Emulation.setDeviceMetricsOverride",
        Map.of("width", pixels, "height", 900, "deviceScaleFactor", 1, "mobile", pixels < 600));
  }

  /** What a script returned as a list. */
  public List<?> list(String code, Object... arguments) {
    return (List<?>) script(code, arguments);
  }

  @Override
  public void close() {
    driver.quit();
  }
}
