static void fovea_kernel_0(const float *restrict B0, const float *B1, float *B2, char *scratch, long task) {
  float *restrict S0 = (float *)(scratch + 0);
  for (long c2 = 0; c2 < 8; c2++) {
    for (long r3 = 0; r3 < 8; r3++) {
      STF(&S0[(c2 * 64 + r3 * 8)], ((r3 - 1) >= 0 && (r3 - 1) < 6 && -1 >= 0 && -1 <= 6 - VL ? LDF(&B0[(c2 * 36 + r3 * 6 + task * 288 - 7)]) : LDF_RANGE(&B0[(c2 * 36 + r3 * 6 + task * 288 - 7)], MAXL(0, -(-1)), MINL((((r3 - 1) >= 0 && (r3 - 1) < 6) ? VL : 0), 6 - (-1)))));
    }
  }
  for (long y6 = 0; y6 < 2; y6++) {
    for (long x7 = 0; x7 < 3; x7++) {
      const vf T0 = v_splat((0.0f));
      vf c8 = T0;
      vf c9 = T0;
      vf c10 = T0;
      vf c11 = T0;
      vf c12 = T0;
      vf c13 = T0;
      vf c14 = T0;
      vf c15 = T0;
      vf c16 = T0;
      vf c17 = T0;
      vf c18 = T0;
      vf c19 = T0;
      __builtin_prefetch(&B2[(task * 576 + x7 * 2 + y6 * 18)]);
      __builtin_prefetch(&B2[(task * 576 + x7 * 2 + y6 * 18 + 288)]);
      __builtin_prefetch(&B2[(task * 576 + x7 * 2 + y6 * 18 + 1)]);
      __builtin_prefetch(&B2[(task * 576 + x7 * 2 + y6 * 18 + 289)]);
      __builtin_prefetch(&B2[(task * 576 + x7 * 2 + y6 * 18 + 6)]);
      __builtin_prefetch(&B2[(task * 576 + x7 * 2 + y6 * 18 + 294)]);
      __builtin_prefetch(&B2[(task * 576 + x7 * 2 + y6 * 18 + 7)]);
      __builtin_prefetch(&B2[(task * 576 + x7 * 2 + y6 * 18 + 295)]);
      __builtin_prefetch(&B2[(task * 576 + x7 * 2 + y6 * 18 + 12)]);
      __builtin_prefetch(&B2[(task * 576 + x7 * 2 + y6 * 18 + 300)]);
      __builtin_prefetch(&B2[(task * 576 + x7 * 2 + y6 * 18 + 13)]);
      __builtin_prefetch(&B2[(task * 576 + x7 * 2 + y6 * 18 + 301)]);
      for (long k22 = 0; k22 < 3; k22++) {
        for (long k23 = 0; k23 < 3; k23++) {
          for (long k21 = 0; k21 < 8; k21++) {
            const vf T1 = LDF(&B1[(k21 * 8 + k22 * 192 + k23 * 64)]);
            const vf T2 = v_splat(S0[(k21 * 64 + k22 * 8 + k23 + x7 * 2 + y6 * 24)]);
            c8 = (c8 + (T1 * T2));
            const vf T3 = LDF(&B1[(k21 * 8 + k22 * 192 + k23 * 64 + 576)]);
            c9 = (c9 + (T3 * T2));
            const vf T4 = v_splat(S0[(k21 * 64 + k22 * 8 + k23 + x7 * 2 + y6 * 24 + 1)]);
            c10 = (c10 + (T1 * T4));
            c11 = (c11 + (T3 * T4));
            const vf T5 = v_splat(S0[(k21 * 64 + k22 * 8 + k23 + x7 * 2 + y6 * 24 + 8)]);
            c12 = (c12 + (T1 * T5));
            c13 = (c13 + (T3 * T5));
            const vf T6 = v_splat(S0[(k21 * 64 + k22 * 8 + k23 + x7 * 2 + y6 * 24 + 9)]);
            c14 = (c14 + (T1 * T6));
            c15 = (c15 + (T3 * T6));
            const vf T7 = v_splat(S0[(k21 * 64 + k22 * 8 + k23 + x7 * 2 + y6 * 24 + 16)]);
            c16 = (c16 + (T1 * T7));
            c17 = (c17 + (T3 * T7));
            const vf T8 = v_splat(S0[(k21 * 64 + k22 * 8 + k23 + x7 * 2 + y6 * 24 + 17)]);
            c18 = (c18 + (T1 * T8));
            c19 = (c19 + (T3 * T8));
          }
        }
      }
      vf f24; BARRIER(f24, c8);
      vf f25; BARRIER(f25, c9);
      vf f26; BARRIER(f26, c10);
      vf f27; BARRIER(f27, c11);
      vf f28; BARRIER(f28, c12);
      vf f29; BARRIER(f29, c13);
      vf f30; BARRIER(f30, c14);
      vf f31; BARRIER(f31, c15);
      vf f32; BARRIER(f32, c16);
      vf f33; BARRIER(f33, c17);
      vf f34; BARRIER(f34, c18);
      vf f35; BARRIER(f35, c19);
      { const vf x_ = (-f24); B2[(task * 576 + x7 * 2 + y6 * 18)] = x_[0]; B2[(task * 576 + x7 * 2 + y6 * 18 + 36)] = x_[1]; B2[(task * 576 + x7 * 2 + y6 * 18 + 72)] = x_[2]; B2[(task * 576 + x7 * 2 + y6 * 18 + 108)] = x_[3]; B2[(task * 576 + x7 * 2 + y6 * 18 + 144)] = x_[4]; B2[(task * 576 + x7 * 2 + y6 * 18 + 180)] = x_[5]; B2[(task * 576 + x7 * 2 + y6 * 18 + 216)] = x_[6]; B2[(task * 576 + x7 * 2 + y6 * 18 + 252)] = x_[7]; }
      { const vf x_ = (-f25); B2[(task * 576 + x7 * 2 + y6 * 18 + 288)] = x_[0]; B2[(task * 576 + x7 * 2 + y6 * 18 + 324)] = x_[1]; B2[(task * 576 + x7 * 2 + y6 * 18 + 360)] = x_[2]; B2[(task * 576 + x7 * 2 + y6 * 18 + 396)] = x_[3]; B2[(task * 576 + x7 * 2 + y6 * 18 + 432)] = x_[4]; B2[(task * 576 + x7 * 2 + y6 * 18 + 468)] = x_[5]; B2[(task * 576 + x7 * 2 + y6 * 18 + 504)] = x_[6]; B2[(task * 576 + x7 * 2 + y6 * 18 + 540)] = x_[7]; }
      { const vf x_ = (-f26); B2[(task * 576 + x7 * 2 + y6 * 18 + 1)] = x_[0]; B2[(task * 576 + x7 * 2 + y6 * 18 + 37)] = x_[1]; B2[(task * 576 + x7 * 2 + y6 * 18 + 73)] = x_[2]; B2[(task * 576 + x7 * 2 + y6 * 18 + 109)] = x_[3]; B2[(task * 576 + x7 * 2 + y6 * 18 + 145)] = x_[4]; B2[(task * 576 + x7 * 2 + y6 * 18 + 181)] = x_[5]; B2[(task * 576 + x7 * 2 + y6 * 18 + 217)] = x_[6]; B2[(task * 576 + x7 * 2 + y6 * 18 + 253)] = x_[7]; }
      { const vf x_ = (-f27); B2[(task * 576 + x7 * 2 + y6 * 18 + 289)] = x_[0]; B2[(task * 576 + x7 * 2 + y6 * 18 + 325)] = x_[1]; B2[(task * 576 + x7 * 2 + y6 * 18 + 361)] = x_[2]; B2[(task * 576 + x7 * 2 + y6 * 18 + 397)] = x_[3]; B2[(task * 576 + x7 * 2 + y6 * 18 + 433)] = x_[4]; B2[(task * 576 + x7 * 2 + y6 * 18 + 469)] = x_[5]; B2[(task * 576 + x7 * 2 + y6 * 18 + 505)] = x_[6]; B2[(task * 576 + x7 * 2 + y6 * 18 + 541)] = x_[7]; }
      { const vf x_ = (-f28); B2[(task * 576 + x7 * 2 + y6 * 18 + 6)] = x_[0]; B2[(task * 576 + x7 * 2 + y6 * 18 + 42)] = x_[1]; B2[(task * 576 + x7 * 2 + y6 * 18 + 78)] = x_[2]; B2[(task * 576 + x7 * 2 + y6 * 18 + 114)] = x_[3]; B2[(task * 576 + x7 * 2 + y6 * 18 + 150)] = x_[4]; B2[(task * 576 + x7 * 2 + y6 * 18 + 186)] = x_[5]; B2[(task * 576 + x7 * 2 + y6 * 18 + 222)] = x_[6]; B2[(task * 576 + x7 * 2 + y6 * 18 + 258)] = x_[7]; }
      { const vf x_ = (-f29); B2[(task * 576 + x7 * 2 + y6 * 18 + 294)] = x_[0]; B2[(task * 576 + x7 * 2 + y6 * 18 + 330)] = x_[1]; B2[(task * 576 + x7 * 2 + y6 * 18 + 366)] = x_[2]; B2[(task * 576 + x7 * 2 + y6 * 18 + 402)] = x_[3]; B2[(task * 576 + x7 * 2 + y6 * 18 + 438)] = x_[4]; B2[(task * 576 + x7 * 2 + y6 * 18 + 474)] = x_[5]; B2[(task * 576 + x7 * 2 + y6 * 18 + 510)] = x_[6]; B2[(task * 576 + x7 * 2 + y6 * 18 + 546)] = x_[7]; }
      { const vf x_ = (-f30); B2[(task * 576 + x7 * 2 + y6 * 18 + 7)] = x_[0]; B2[(task * 576 + x7 * 2 + y6 * 18 + 43)] = x_[1]; B2[(task * 576 + x7 * 2 + y6 * 18 + 79)] = x_[2]; B2[(task * 576 + x7 * 2 + y6 * 18 + 115)] = x_[3]; B2[(task * 576 + x7 * 2 + y6 * 18 + 151)] = x_[4]; B2[(task * 576 + x7 * 2 + y6 * 18 + 187)] = x_[5]; B2[(task * 576 + x7 * 2 + y6 * 18 + 223)] = x_[6]; B2[(task * 576 + x7 * 2 + y6 * 18 + 259)] = x_[7]; }
      { const vf x_ = (-f31); B2[(task * 576 + x7 * 2 + y6 * 18 + 295)] = x_[0]; B2[(task * 576 + x7 * 2 + y6 * 18 + 331)] = x_[1]; B2[(task * 576 + x7 * 2 + y6 * 18 + 367)] = x_[2]; B2[(task * 576 + x7 * 2 + y6 * 18 + 403)] = x_[3]; B2[(task * 576 + x7 * 2 + y6 * 18 + 439)] = x_[4]; B2[(task * 576 + x7 * 2 + y6 * 18 + 475)] = x_[5]; B2[(task * 576 + x7 * 2 + y6 * 18 + 511)] = x_[6]; B2[(task * 576 + x7 * 2 + y6 * 18 + 547)] = x_[7]; }
      { const vf x_ = (-f32); B2[(task * 576 + x7 * 2 + y6 * 18 + 12)] = x_[0]; B2[(task * 576 + x7 * 2 + y6 * 18 + 48)] = x_[1]; B2[(task * 576 + x7 * 2 + y6 * 18 + 84)] = x_[2]; B2[(task * 576 + x7 * 2 + y6 * 18 + 120)] = x_[3]; B2[(task * 576 + x7 * 2 + y6 * 18 + 156)] = x_[4]; B2[(task * 576 + x7 * 2 + y6 * 18 + 192)] = x_[5]; B2[(task * 576 + x7 * 2 + y6 * 18 + 228)] = x_[6]; B2[(task * 576 + x7 * 2 + y6 * 18 + 264)] = x_[7]; }
      { const vf x_ = (-f33); B2[(task * 576 + x7 * 2 + y6 * 18 + 300)] = x_[0]; B2[(task * 576 + x7 * 2 + y6 * 18 + 336)] = x_[1]; B2[(task * 576 + x7 * 2 + y6 * 18 + 372)] = x_[2]; B2[(task * 576 + x7 * 2 + y6 * 18 + 408)] = x_[3]; B2[(task * 576 + x7 * 2 + y6 * 18 + 444)] = x_[4]; B2[(task * 576 + x7 * 2 + y6 * 18 + 480)] = x_[5]; B2[(task * 576 + x7 * 2 + y6 * 18 + 516)] = x_[6]; B2[(task * 576 + x7 * 2 + y6 * 18 + 552)] = x_[7]; }
      { const vf x_ = (-f34); B2[(task * 576 + x7 * 2 + y6 * 18 + 13)] = x_[0]; B2[(task * 576 + x7 * 2 + y6 * 18 + 49)] = x_[1]; B2[(task * 576 + x7 * 2 + y6 * 18 + 85)] = x_[2]; B2[(task * 576 + x7 * 2 + y6 * 18 + 121)] = x_[3]; B2[(task * 576 + x7 * 2 + y6 * 18 + 157)] = x_[4]; B2[(task * 576 + x7 * 2 + y6 * 18 + 193)] = x_[5]; B2[(task * 576 + x7 * 2 + y6 * 18 + 229)] = x_[6]; B2[(task * 576 + x7 * 2 + y6 * 18 + 265)] = x_[7]; }
      { const vf x_ = (-f35); B2[(task * 576 + x7 * 2 + y6 * 18 + 301)] = x_[0]; B2[(task * 576 + x7 * 2 + y6 * 18 + 337)] = x_[1]; B2[(task * 576 + x7 * 2 + y6 * 18 + 373)] = x_[2]; B2[(task * 576 + x7 * 2 + y6 * 18 + 409)] = x_[3]; B2[(task * 576 + x7 * 2 + y6 * 18 + 445)] = x_[4]; B2[(task * 576 + x7 * 2 + y6 * 18 + 481)] = x_[5]; B2[(task * 576 + x7 * 2 + y6 * 18 + 517)] = x_[6]; B2[(task * 576 + x7 * 2 + y6 * 18 + 553)] = x_[7]; }
    }
  }
}
void fovea_kernel(void *const *buffers, long first, long last, char *scratch) {
  for (long task = first; task < last; task++) {
    if (task >= 0 && task < 2) fovea_kernel_0(buffers[0], buffers[1], buffers[2], scratch, task - 0);
  }
}
