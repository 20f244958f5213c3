package dev.palimpsest.app;

import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code completion}: what a shell needs to complete commands, options and their values. */
@Command(
    name = "completion",
    description = {
      "Prints a script that completes commands in a shell.",
      "To have it in every new bash, put the line of the first example into ~/.bashrc; for zsh"
          + " the second into ~/.zshrc. It completes what is typed as palimpsest or"
          + " ./palimpsest."
    },
    mixinStandardHelpOptions = true)
final class CompletionCommand implements Runnable {
  /** The shells that the one script is for. */
  enum Shell {
    BASH,
    ZSH
  }

  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "SHELL", description = "bash or zsh.")
  private Shell shell = Shell.BASH;

  @Override
  public void run() {
    // zsh reads bash's completions through its bashcompinit, which has to be loaded first.
    String loading =
        shell == Shell.ZSH
            ? "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n"
            : "";
    System.out.print(loading + AutoComplete.bash("palimpsest", spec.root().commandLine()));
  }
}
