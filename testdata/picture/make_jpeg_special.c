/*
 * Writes JPEGs that cjpeg has no switches for, with libjpeg-turbo 3.2.0, for make_jpeg.py:
 *
 *   cc -I INCLUDE -o DIR/special make_jpeg_special.c libjpeg.a
 *   special dac|cmyk12 WIDTH HEIGHT COMPONENTS <samples >file
 *
 * dac is arithmetic coding with conditioning of its own, cmyk12 has 12 bits a sample.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jpeglib.h>

int main(int argc, char **argv)
{
  struct jpeg_compress_struct c;
  struct jpeg_error_mgr errors;
  int deep = strcmp(argv[1], "cmyk12") == 0, y;
  size_t row = (size_t)atoi(argv[2]) * atoi(argv[4]) * (deep ? 2 : 1);
  char *line = malloc(row);

  c.err = jpeg_std_error(&errors);
  jpeg_create_compress(&c);
  jpeg_stdio_dest(&c, stdout);
  c.image_width = atoi(argv[2]);
  c.image_height = atoi(argv[3]);
  c.input_components = atoi(argv[4]);
  c.in_color_space = c.input_components == 1 ? JCS_GRAYSCALE : c.input_components == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&c);
  if (deep) {
    c.data_precision = 12;
    c.optimize_coding = TRUE;
  } else {
    c.arith_code = TRUE;
    for (y = 0; y < NUM_ARITH_TBLS; y++) {
      c.arith_dc_L[y] = 2 + y;
      c.arith_dc_U[y] = 4 + y;
      c.arith_ac_K[y] = 20 - 15 * y;
      if (y > 1) c.arith_dc_L[y] = 0, c.arith_dc_U[y] = 1, c.arith_ac_K[y] = 5;
    }
  }
  jpeg_start_compress(&c, TRUE);
  for (y = 0; y < atoi(argv[3]); y++) {
    if (fread(line, 1, row, stdin) != row) return 1;
    if (deep) {
      J12SAMPROW r = (J12SAMPROW)line;
      jpeg12_write_scanlines(&c, &r, 1);
    } else {
      JSAMPROW r = (JSAMPROW)line;
      jpeg_write_scanlines(&c, &r, 1);
    }
  }
  jpeg_finish_compress(&c);
  return 0;
}
