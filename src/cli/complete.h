/* Completion in shells. What is printed for a shell is a few lines that ask this program what may
 * stand at the cursor; the answer comes from the tables of commands and options, and names of
 * things from the server. */
#pragma once

#include "cli/command.h"

/* completion bash | zsh | fish */
int complete_print(const struct options *options);

/* completion words -- WORD…: what the last word may be, a line each: the word, and behind a tab
 * what it is; ":file" where it is a file. `words` are those behind the program's name. */
int complete_words(const struct commands *commands, char **words, size_t count);
