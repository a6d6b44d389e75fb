/**
 * The part of the C prelude that kernels with f64 need: vectors of doubles with as many lanes as those of floats (so
 * they take two registers), and the helpers of the scalar table's templates, with the letter `d`. Masks are integer
 * vectors, as for floats. Elementary functions are those of the C library, lane by lane.
 */
import { scalarNames, scalarOps } from "../ir/scalar/index.js";

const LIBRARY = scalarNames.flatMap((name) => {
  const { libm, arity } = scalarOps[name];
  return libm ? [`LIBM${arity}(${libm})`] : [];
});

const TEXT = `typedef double vd_m __attribute__((vector_size(VL * 8), aligned(8), may_alias));
typedef long long vw __attribute__((vector_size(VL * 8)));
#define LDD(p) ((vd)*(const vd_m *)(p))
#define STD(p, ...) (*(vd_m *)(p) = (__VA_ARGS__))
RANGE(D, double, vd, double)
#define MASK(...) __builtin_convertvector((__VA_ARGS__), vi)
#define EACH(type, ...) type r; for (int i = 0; i < VL; i++) r[i] = __VA_ARGS__; return r
INLINE vd v_dsplat(double x) { return x - (vd){0}; }
INLINE double s_dselect(int m, double a, double b) { return m ? a : b; }
INLINE vd v_dselect(vi m, vd a, vd b) {
  vw w = __builtin_convertvector(m, vw);
  return (vd)((w & (vw)a) | (~w & (vw)b));
}
INLINE double s_dmax(double a, double b) { return a > b || a != a ? a : b; }
INLINE double s_dmin(double a, double b) { return a < b || a != a ? a : b; }
INLINE vd v_dmax(vd a, vd b) { return v_dselect(MASK((a > b) | (a != a)), a, b); }
INLINE vd v_dmin(vd a, vd b) { return v_dselect(MASK((a < b) | (a != a)), a, b); }
INLINE double s_dabs(double a) { return __builtin_fabs(a); }
INLINE vd v_dabs(vd a) { return (vd)((vw)a & 0x7fffffffffffffffLL); }
INLINE double s_dsqrt(double a) { return __builtin_sqrt(a); }
INLINE vd v_dsqrt(vd a) { EACH(vd, __builtin_sqrt(a[i])); }
INLINE double s_drint(double a) { return __builtin_rint(a); }
INLINE vd v_drint(vd a) { EACH(vd, __builtin_rint(a[i])); }
INLINE double s_dfloor(double a) { return __builtin_floor(a); }
INLINE vd v_dfloor(vd a) { EACH(vd, __builtin_floor(a[i])); }
INLINE int s_dtrunc(double a) {
  return a != a ? 0 : a >= 2147483648.0 ? 2147483647 : a <= -2147483648.0 ? -2147483647 - 1 : (int)a;
}
INLINE vi v_dtrunc(vd a) { EACH(vi, s_dtrunc(a[i])); }
INLINE double s_dmod(double a, double b) {
  double r = fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
INLINE vd v_dmod(vd a, vd b) { EACH(vd, s_dmod(a[i], b[i])); }
INLINE int s_dbits(double a) { return s_bits((float)a); }
INLINE vi v_dbits(vd a) { return (vi)__builtin_convertvector(a, vf); }
// Newton's iteration on erf, or near 1 on log erfc, from Winitzki's estimate; as the meaning of the scalar table.
static __attribute__((noinline, unused)) double fovea_erfinv(double x) {
  double a = __builtin_fabs(x);
  if (!(a < 1)) return a == 1 ? x * __builtin_inf() : __builtin_nan("");
  if (a < 1e-9) return x * 0.88622692545275801;
  double l = log((1 - a) * (1 + a)), k = 4.3307467508003945 + l / 2, y = sqrt(sqrt(k * k - l / 0.147) - k);
  for (int i = 0; i < 6; i++) {
    double slope = 1.1283791670955126 * exp(-y * y);
    y += a < 0.875 ? (a - erf(y)) / slope : (log(erfc(y)) - log(1 - a)) * erfc(y) / slope;
  }
  return __builtin_copysign(y, x);
}
#define LIBM1(f) INLINE vd v_d##f(vd a) { EACH(vd, f(a[i])); }
#define LIBM2(f) INLINE vd v_d##f(vd a, vd b) { EACH(vd, f(a[i], b[i])); }
${LIBRARY.join("\n")}
FOLD(dfold_sum, double, vd, x + y)
FOLD(dfold_prod, double, vd, x * y)
FOLD(dfold_max, double, vd, s_dmax(x, y))
FOLD(dfold_min, double, vd, s_dmin(x, y))`;

/** The text, which counts once however often it occurs in a source. */
export const C_PRELUDE_F64 = `#ifndef FOVEA_F64\n#define FOVEA_F64\n${TEXT}\n#endif`;
