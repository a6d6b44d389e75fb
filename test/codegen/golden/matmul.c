static void fovea_kernel_0(const float *restrict B0, const float *restrict B1, float *restrict B2, char *scratch, long task) {
  float *restrict S0 = (float *)(scratch + 0);
  float *restrict S1 = (float *)(scratch + 2304);
  for (long k3 = 0; k3 < 20; k3++) {
    for (long p2 = 0; p2 < 3; p2++) {
      STF(&S0[(k3 * 8 + p2 * 192)], ((p2 * 8) <= 19 - VL ? LDF(&B1[(k3 * 19 + p2 * 8)]) : LDF_RANGE(&B1[(k3 * 19 + p2 * 8)], 0, MINL(VL, 19 - ((p2 * 8))))));
      __builtin_prefetch(&B1[(k3 * 19 + p2 * 8 + 152)]);
    }
  }
  for (long j4 = 0; j4 < 3; j4++) {
    const vf T0 = v_splat((0.0f));
    vf c6 = T0;
    vf c7 = T0;
    vf c8 = T0;
    vf c9 = T0;
    vf c10 = T0;
    vf c11 = T0;
    vf c12 = T0;
    for (long k20 = 0; k20 < 20; k20++) {
      const vf T1 = LDF(&S0[(j4 * 192 + k20 * 8)]);
      c6 = (c6 + (v_splat(B0[k20]) * T1));
      c7 = (c7 + (v_splat(B0[(k20 + 20)]) * T1));
      c8 = (c8 + (v_splat(B0[(k20 + 40)]) * T1));
      c9 = (c9 + (v_splat(B0[(k20 + 60)]) * T1));
      c10 = (c10 + (v_splat(B0[(k20 + 80)]) * T1));
      c11 = (c11 + (v_splat(B0[(k20 + 100)]) * T1));
      c12 = (c12 + (v_splat(B0[(k20 + 120)]) * T1));
    }
    vf f13; BARRIER(f13, c6);
    vf f14; BARRIER(f14, c7);
    vf f15; BARRIER(f15, c8);
    vf f16; BARRIER(f16, c9);
    vf f17; BARRIER(f17, c10);
    vf f18; BARRIER(f18, c11);
    vf f19; BARRIER(f19, c12);
    STF(&S1[(j4 * 8)], f13);
    STF(&S1[(j4 * 8 + 40)], f14);
    STF(&S1[(j4 * 8 + 80)], f15);
    STF(&S1[(j4 * 8 + 120)], f16);
    STF(&S1[(j4 * 8 + 160)], f17);
    STF(&S1[(j4 * 8 + 200)], f18);
    STF(&S1[(j4 * 8 + 240)], f19);
  }
  for (long i21 = 0; i21 < 7; i21++) {
    for (long j22 = 0; j22 < 3; j22++) {
      if ((j22 * 8 + 7) < 16) {
        {
          const long e23 = j22;
          const vf f24 = LDF(&S1[(i21 * 40 + j22 * 8)]);
          STF(&B2[(e23 * 8 + i21 * 19)], (f24 + v_splat((1.0f))));
        }
      }
    }
    for (long j25 = 0; j25 < 3; j25++) {
      if (1) {
        const float f26 = S1[(i21 * 40 + j25 + 16)];
        B2[(i21 * 19 + j25 + 16)] = (f26 + (1.0f));
      }
    }
  }
}
void fovea_kernel(void *const *buffers, long first, long last, char *scratch) {
  for (long task = first; task < last; task++) {
    if (task >= 0 && task < 1) fovea_kernel_0(buffers[0], buffers[1], buffers[2], scratch, task - 0);
  }
}
