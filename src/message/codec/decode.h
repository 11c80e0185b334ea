/* What a program says of decoding before it begins. */
#pragma once

/* Once, before there are threads: too little memory ends the program from here on, and is not taken
 * for an input that is no JSON. */
void codec_prepare(void);
