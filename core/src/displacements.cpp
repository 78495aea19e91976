#include "ufp/displacements.hpp"

#include "displacement_kernel.hpp"
#include "ufp/simd.hpp"

namespace ufp
{

namespace
{

using DisplacementKernel = void (*)(const DisplacementCall &) noexcept;

DisplacementKernel displacement_kernel()
{
  switch (simd_from_environment()) {
#ifdef UFP_X86_KERNELS
  case Simd::avx512:
    return displacement_kernel_avx512;
  case Simd::avx2:
    return displacement_kernel_avx2;
#endif
  default:
    return displacement_kernel_baseline;
  }
}

}  // namespace

void displacement_sums(const double *series, std::size_t n_frames, std::size_t lag, std::size_t first, std::size_t last,
                       double *sums)
{
  static const DisplacementKernel kernel = displacement_kernel();
  kernel({series + first, series + first + lag, n_frames, last - first, sums});
}

}  // namespace ufp
