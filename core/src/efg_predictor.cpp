#include "ufp/efg_predictor.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "aligned_array.hpp"
#include "efg_kernel.hpp"
#include "efg_pack.hpp"
#include "ufp/error.hpp"

namespace ufp
{
namespace
{

template <class T> EfgKernel<T> kernel_for(Simd simd)
{
  EfgKernel<T> kernel{};
#if defined(UFP_X86_KERNELS)
  if (simd == Simd::avx512)
    efg_kernel_avx512(kernel);
  else if (simd == Simd::avx2)
    efg_kernel_avx2(kernel);
  else
    efg_kernel_baseline(kernel);
#else
  static_cast<void>(simd);
  efg_kernel_baseline(kernel);
#endif
  return kernel;
}

void check(const EfgModelArrays &model)
{
  const auto refuse = [](const std::string &expected, std::size_t found) {
    throw DomainError("field gradient model: expected " + expected + ", found " + std::to_string(found));
  };
  if (model.spec.l_max < 1 || model.spec.l_max > kernel_largest_l)
    throw DomainError("field gradient model: expected l_max from 1 to " + std::to_string(kernel_largest_l) +
                      ", found " + std::to_string(model.spec.l_max));
  if (model.zeta < 1 || model.zeta > 16)
    throw DomainError("field gradient model: expected zeta from 1 to 16, found " + std::to_string(model.zeta));
  if (model.features.empty()) refuse("at least one feature of rank 2", 0);
  if (model.invariants.empty() && model.zeta > 1) refuse("at least one invariant", 0);
  if (model.members.empty()) refuse("the weights of at least one member", 0);
  if (model.zeta > 2 && model.active_count == 0) refuse("active environments for zeta above 2", 0);
  if (model.zeta == 1 && model.active_count != 0)
    refuse("no active environments for zeta = 1, whose weights do not depend on them", model.active_count);
  const std::size_t n0 = model.invariants.size();
  if (model.active.size() != n0 * model.active_count)
    refuse(std::to_string(n0) + " x " + std::to_string(model.active_count) + " active invariants", model.active.size());
  const std::size_t rows = model.zeta == 1 ? 1 : model.active_count > 0 ? model.active_count : n0;
  for (const std::vector<double> &weights : model.members)
    if (weights.size() != rows * model.features.size())
      refuse(std::to_string(rows) + " x " + std::to_string(model.features.size()) + " weights", weights.size());
}

// xx yy zz xy xz yz of the components (xy, yz, 3z²-r², xz, x²-y²); the trace of what is stored is exactly 0
void to_cartesian(const double *v, double *out)
{
  const double a = v[2] / std::sqrt(6.0), b = v[4] / std::sqrt(2.0), half = std::sqrt(0.5);
  out[0] = b - a;
  out[1] = -b - a;
  out[2] = -(out[0] + out[1]);
  out[3] = v[0] * half;
  out[4] = v[3] * half;
  out[5] = v[1] * half;
}

}  // namespace

struct EfgPredictor::Scratch::Memory {
  virtual ~Memory() = default;
  std::size_t added = 0;
};

struct EfgPredictor::Implementation {
  EfgModelArrays model;
  EfgLayout layout;
  Simd simd;
  explicit Implementation(const EfgModelArrays &arrays, Simd path) : model(arrays), layout(arrays), simd(path) {}
  virtual ~Implementation() = default;
  virtual Precision precision() const = 0;
  virtual std::size_t batch() const = 0;
  virtual std::unique_ptr<Scratch::Memory> memory() const = 0;
  virtual void add(const Environment &environment, Scratch::Memory &memory) const = 0;
  virtual void finish(Scratch::Memory &memory, double *out, std::size_t stride) const noexcept = 0;
};

template <class T> struct EfgPredictor::Packed : EfgPredictor::Implementation {
  struct Memory : Scratch::Memory {
    AlignedArray<T> direction, fraction, radial, harmonics, density, batch, invariants, similarity, weight, group;
    AlignedArray<int> row;
    AlignedArray<double> components;
    EfgWork<T> work{};
  };

  EfgKernel<T> kernel;
  EfgPack<T> pack;
  EfgView<T> view;

  Packed(const EfgModelArrays &arrays, Simd path)
      : Implementation(arrays, path), kernel(kernel_for<T>(path)), pack(model, layout, kernel),
        view(pack.view(model, layout))
  {
  }

  Precision precision() const override { return sizeof(T) == 4 ? Precision::single : Precision::full; }
  std::size_t lanes() const { return static_cast<std::size_t>(kernel.lanes); }
  std::size_t batch() const override { return kernel_batches * lanes(); }

  std::unique_ptr<Scratch::Memory> memory() const override
  {
    const auto vectors = [this](int count) { return AlignedArray<T>(static_cast<std::size_t>(count) * lanes()); };
    auto m = std::make_unique<Memory>();
    m->density = vectors(view.density_length);
    m->batch = vectors(kernel_batches * (view.batch_length + 1));
    m->invariants = vectors(kernel_batches * view.invariants);
    m->similarity = vectors(kernel_batches * (view.active_panels * kernel.panel + view.invariants));
    m->weight = vectors(kernel_batches * view.panels * kernel.panel);
    m->group = vectors(layout.largest_group_count * (2 * view.l_max + 1));
    m->components = AlignedArray<double>(model.members.size() * batch() * 5);
    m->work.density = m->density.data();
    m->work.batch = m->batch.data();
    m->work.invariants = m->invariants.data();
    m->work.similarity = m->similarity.data();
    m->work.feature_weight = m->weight.data();
    m->work.group_sum = m->group.data();
    reserve(*m, 64);
    return m;
  }

  void reserve(Memory &m, int neighbours) const
  {
    const int capacity = (neighbours + kernel.lanes) / kernel.lanes * kernel.lanes;
    const auto count = static_cast<std::size_t>(capacity);
    // an odd number of cache lines between the components: a power of two would put them all into one set of the cache
    const int line = 64 / static_cast<int>(sizeof(T)), lines = (capacity + line - 1) / line;
    m.work.capacity = capacity;
    m.work.harmonic_stride = (lines % 2 == 1 ? lines : lines + 1) * line;
    m.direction = AlignedArray<T>(3 * count);
    m.fraction = AlignedArray<T>(count);
    m.row = AlignedArray<int>(count);
    m.radial = AlignedArray<T>(count * static_cast<std::size_t>(view.table_stride));
    m.harmonics = AlignedArray<T>(static_cast<std::size_t>((view.l_max + 1) * (view.l_max + 1)) *
                                  static_cast<std::size_t>(m.work.harmonic_stride));
    m.work.direction = m.direction.data();
    m.work.fraction = m.fraction.data();
    m.work.row = m.row.data();
    m.work.radial = m.radial.data();
    m.work.harmonics = m.harmonics.data();
  }

  void add(const Environment &environment, Scratch::Memory &memory) const override
  {
    auto &m = static_cast<Memory &>(memory);
    const int neighbours = environment.first[view.species];
    if (neighbours >= m.work.capacity) reserve(m, 2 * neighbours);
    kernel.density(view, environment, m.work, static_cast<int>(m.added));
    ++m.added;
  }

  void finish(Scratch::Memory &memory, double *out, std::size_t stride) const noexcept override
  {
    auto &m = static_cast<Memory &>(memory);
    kernel.finish(view, m.work, static_cast<int>(m.added), m.components.data(), static_cast<long>(5 * m.added));
    const double *y = m.components.data();
    for (std::size_t member = 0; member < model.members.size(); ++member)
      for (std::size_t k = 0; k < m.added; ++k, y += 5) to_cartesian(y, out + member * stride + 6 * k);
    m.added = 0;
  }
};

EfgPredictor::Scratch::Scratch() = default;
EfgPredictor::Scratch::~Scratch() = default;
EfgPredictor::Scratch::Scratch(Scratch &&) noexcept = default;
EfgPredictor::Scratch &EfgPredictor::Scratch::operator=(Scratch &&) noexcept = default;

EfgPredictor::EfgPredictor(const EfgModelArrays &model, Precision precision, Simd simd)
{
  check(model);
  if (precision == Precision::single)
    implementation_ = std::make_unique<Packed<float>>(model, simd);
  else
    implementation_ = std::make_unique<Packed<double>>(model, simd);
}

EfgPredictor::~EfgPredictor() = default;
EfgPredictor::EfgPredictor(EfgPredictor &&) noexcept = default;
EfgPredictor &EfgPredictor::operator=(EfgPredictor &&) noexcept = default;

const LambdaSoapSpec &EfgPredictor::spec() const
{
  return implementation_->model.spec;
}

std::size_t EfgPredictor::members() const
{
  return implementation_->model.members.size();
}

Precision EfgPredictor::precision() const
{
  return implementation_->precision();
}

Simd EfgPredictor::simd() const
{
  return implementation_->simd;
}

std::size_t EfgPredictor::batch() const
{
  return implementation_->batch();
}

EfgPredictor::Scratch EfgPredictor::scratch() const
{
  Scratch out;
  out.memory_ = implementation_->memory();
  return out;
}

void EfgPredictor::add(const Environment &environment, Scratch &scratch) const
{
  implementation_->add(environment, *scratch.memory_);
}

std::size_t EfgPredictor::finish(Scratch &scratch, double *out, std::size_t stride) const noexcept
{
  const std::size_t count = scratch.memory_->added;
  if (count > 0) implementation_->finish(*scratch.memory_, out, stride);
  return count;
}

void predict_centres(const EfgPredictor &predictor, const ImageList &images, const std::size_t *centres,
                     std::size_t count, EnvironmentBuffer &buffer, EfgPredictor::Scratch &scratch, double *out,
                     std::size_t stride)
{
  const std::size_t batch = predictor.batch();
  for (std::size_t begin = 0; begin < count; begin += batch) {
    for (std::size_t k = begin; k < std::min(begin + batch, count); ++k)
      predictor.add(images.find(centres[k], buffer), scratch);
    predictor.finish(scratch, out + 6 * begin, stride);
  }
}

}  // namespace ufp
