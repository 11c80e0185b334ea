/* Standard output of a program: what could not be written there was not told, whatever else went
 * well. A main function begins and ends with these. */
#pragma once

enum { OUTPUT_LOST = 3 }; /* exit code */

/* Takes the places of standard streams that are closed, so that no file that is opened later gets
 * what is printed. */
void output_begin(void);

/* Returns `code`, or OUTPUT_LOST with a line on standard error where not all came out that was
 * printed. A code that tells of another failure is kept. */
int output_end(const char *program, int code);
