static void fovea_kernel_0(const float *B0, const float *restrict B1, float *B2, char *scratch, long task) {
  for (long i2 = 0; i2 < 5; i2++) {
    STF(&B2[(i2 * 13)], v_max(((LDF(&B0[(i2 * 13)]) * v_splat((2.0f))) + LDF(&B1[0])), v_splat((0.0f))));
  }
}
static void fovea_kernel_1(const float *B0, const float *restrict B1, float *B2, char *scratch, long task) {
  for (long i6 = 0; i6 < 5; i6++) {
    for (long i7 = 0; i7 < 5; i7++) {
      B2[(i6 * 13 + i7 + 8)] = s_max(((B0[(i6 * 13 + i7 + 8)] * (2.0f)) + B1[(i7 + 8)]), (0.0f));
    }
  }
}
void fovea_kernel(void *const *buffers, long first, long last, char *scratch) {
  for (long task = first; task < last; task++) {
    if (task >= 0 && task < 1) fovea_kernel_0(buffers[0], buffers[1], buffers[2], scratch, task - 0);
    if (task >= 1 && task < 2) fovea_kernel_1(buffers[0], buffers[1], buffers[2], scratch, task - 1);
  }
}
