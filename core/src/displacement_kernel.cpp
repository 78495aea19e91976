// Compiled once for each instruction set (UFP_KERNEL is the name of the function in each).
#include "displacement_kernel.hpp"

#include "vector4.hpp"

namespace ufp
{

// Partial sums by lane, added in a fixed order at the end.
void UFP_KERNEL(const DisplacementCall &call) noexcept
{
  constexpr std::size_t lanes = 4;
  const double *x0 = call.first, *y0 = x0 + call.stride, *z0 = y0 + call.stride;
  const double *x1 = call.later, *y1 = x1 + call.stride, *z1 = y1 + call.stride;
  Vector4 xx = broadcast(0.0), yy = xx, zz = xx, xy = xx, xz = xx, yz = xx;
  std::size_t t = 0;
  for (; t + lanes <= call.n; t += lanes) {
    const Vector4 dx = load(x1 + t) - load(x0 + t), dy = load(y1 + t) - load(y0 + t), dz = load(z1 + t) - load(z0 + t);
    xx = xx + dx * dx;
    yy = yy + dy * dy;
    zz = zz + dz * dz;
    xy = xy + dx * dy;
    xz = xz + dx * dz;
    yz = yz + dy * dz;
  }
  double partial[6][lanes];
  store(partial[0], xx);
  store(partial[1], yy);
  store(partial[2], zz);
  store(partial[3], xy);
  store(partial[4], xz);
  store(partial[5], yz);
  for (; t < call.n; ++t) {
    const double dx = x1[t] - x0[t], dy = y1[t] - y0[t], dz = z1[t] - z0[t];
    const double products[] = {dx * dx, dy * dy, dz * dz, dx * dy, dx * dz, dy * dz};
    for (std::size_t k = 0; k < 6; ++k) partial[k][0] += products[k];
  }
  for (std::size_t k = 0; k < 6; ++k) call.sums[k] += (partial[k][0] + partial[k][1]) + (partial[k][2] + partial[k][3]);
}

}  // namespace ufp
