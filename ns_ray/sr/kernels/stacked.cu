// What is compressed of an anchor, on the GPU: what ns_ray/sr/compressible.py computes, to the same bits, and the dead
// zone of ns_ray/hybrid/grey_jpeg.py. No thread waits for another, so that tests can run all of this on a CPU.

namespace {

using Sample = unsigned char;

constexpr int kZero = 128, kTaps = 7, kReach = 3, kSide = 8;
constexpr int kLuma[3] = {11966, 40254, 4064};  // BT.709, full range to 16..235, in 1/65536
constexpr int kBlue[3] = {-6596, -22189, 28785}, kRed[3] = {28784, -26145, -2639};  // to 16..240

struct Rgb {
  int red, green, blue;
};

__device__ inline Rgb operator+(Rgb a, Rgb b) { return {a.red + b.red, a.green + b.green, a.blue + b.blue}; }

__device__ inline int bounded(int value, int low, int high) { return min(max(value, low), high); }

__device__ inline Rgb pixel(const Sample* picture, int columns, int row, int column) {
  const Sample* at = picture + 3 * (static_cast<long long>(row) * columns + column);
  return {at[0], at[1], at[2]};
}

__device__ inline int weighed(Rgb color, const int (&weights)[3], int offset, int shift) {
  const int total = color.red * weights[0] + color.green * weights[1] + color.blue * weights[2];
  return (total + (offset << shift) + (1 << (shift - 1))) >> shift;
}

// A sample of an LR plane at HR; `weights` has kTaps for each phase, in 1/64.
__device__ inline int predicted(const Sample* plane, int rows, int columns, int scale, const int* weights, int y,
                                int x) {
  const int row = y / scale, column = x / scale;
  const int* down = weights + (y - row * scale) * kTaps;
  const int* across = weights + (x - column * scale) * kTaps;
  int total = 2048;
  for (int i = 0; i < kTaps; ++i) {
    if (!down[i]) continue;
    const Sample* line = plane + static_cast<long long>(bounded(row + i - kReach, 0, rows - 1)) * columns;
    int sum = 0;
    for (int j = 0; j < kTaps; ++j) {
      if (across[j]) sum += across[j] * line[bounded(column + j - kReach, 0, columns - 1)];
    }
    total += down[i] * sum;
  }
  return bounded(total >> 12, 0, 255);
}

// The coefficients of the block of 8x8 samples at a place, edges repeated: [column's frequency][row's].
__device__ inline void transform(const Sample* plane, const float* basis, int rows, int columns, int top, int left,
                                 float (&coefficients)[kSide][kSide]) {
  float block[kSide][kSide], other[kSide][kSide];
  for (int i = 0; i < kSide; ++i) {
    const Sample* line = plane + static_cast<long long>(min(top + i, rows - 1)) * columns;
    for (int j = 0; j < kSide; ++j) block[i][j] = static_cast<float>(line[min(left + j, columns - 1)] - kZero);
  }
#pragma unroll
  for (int i = 0; i < kSide; ++i) {
#pragma unroll
    for (int k = 0; k < kSide; ++k) {
      float sum = 0.0f;
#pragma unroll
      for (int j = 0; j < kSide; ++j) sum += block[i][j] * basis[k * kSide + j];
      other[i][k] = sum;
    }
  }
#pragma unroll
  for (int k = 0; k < kSide; ++k) {
#pragma unroll
    for (int l = 0; l < kSide; ++l) {
      float sum = 0.0f;
#pragma unroll
      for (int i = 0; i < kSide; ++i) sum += basis[l * kSide + i] * other[i][k];
      coefficients[l][k] = sum;
    }
  }
}

}  // namespace

// RGB -> luma, and below it both chroma planes side by side; `scale` 0: as they are, else less the prediction from the
// planes of `lr`. Rows of `stacked` have an even number of columns. A thread for each chroma sample.
extern "C" __global__ void stack(const Sample* rgb, const Sample* lr, const int* weights, Sample* stacked, int rows,
                                 int columns, int lr_rows, int lr_columns, int scale) {
  const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y;
  const int chroma_rows = (rows + 1) / 2, chroma_columns = (columns + 1) / 2, width = 2 * chroma_columns;
  if (x >= chroma_columns || y >= chroma_rows) return;
  const int top = 2 * y, left = 2 * x, bottom = min(top + 1, rows - 1), right = min(left + 1, columns - 1);
  const int before = max(left - 1, 0);
  const Rgb colors[2][2] = {{pixel(rgb, columns, top, left), pixel(rgb, columns, top, right)},
                            {pixel(rgb, columns, bottom, left), pixel(rgb, columns, bottom, right)}};
  for (int i = 0; i < 2 && top + i < rows; ++i) {
    for (int j = 0; j < 2; ++j) {
      int value = weighed(colors[i][j], kLuma, 16, 16);
      if (scale) value += kZero - predicted(lr, lr_rows, lr_columns, scale, weights, top + i, min(left + j, right));
      stacked[static_cast<long long>(top + i) * width + left + j] = bounded(value, 0, 255);
    }
  }
  const Rgb middle = colors[0][0] + colors[1][0];
  const Rgb around = pixel(rgb, columns, top, before) + pixel(rgb, columns, bottom, before) + colors[0][1] + colors[1][1];
  const Rgb color = middle + middle + around;  // eightfold
  int blue = weighed(color, kBlue, 128, 19), red = weighed(color, kRed, 128, 19);
  if (scale) {
    const int plane_rows = (lr_rows + 1) / 2, plane_columns = (lr_columns + 1) / 2;
    const Sample* first = lr + static_cast<long long>(lr_rows) * lr_columns;
    const Sample* second = first + static_cast<long long>(plane_rows) * plane_columns;
    blue += kZero - predicted(first, plane_rows, plane_columns, scale, weights, y, x);
    red += kZero - predicted(second, plane_rows, plane_columns, scale, weights, y, x);
  }
  Sample* line = stacked + static_cast<long long>(rows + y) * width;
  line[x] = bounded(blue, 0, 255);
  line[chroma_columns + x] = bounded(red, 0, 255);
}

// The coefficients of each block of 8x8 put where a quantiser has them, but for those in the dead zone, which become 0.
// `basis` is that of the transform; a thread for each block, edges repeat.
extern "C" __global__ void settle(const Sample* plane, const float* basis, Sample* settled, int rows, int columns,
                                  int step, float dead) {
  const int left = (blockIdx.x * blockDim.x + threadIdx.x) * kSide, top = blockIdx.y * kSide;
  if (left >= columns || top >= rows) return;
  float block[kSide][kSide], other[kSide][kSide];
  transform(plane, basis, rows, columns, top, left, block);
  const float whole = static_cast<float>(step), part = 1.0f / whole;
#pragma unroll
  for (int l = 0; l < kSide; ++l) {
#pragma unroll
    for (int k = 0; k < kSide; ++k) {
      const float size = block[l][k] * part;
      block[l][k] = fabsf(size) < dead ? 0.0f : rintf(size) * whole;
    }
  }
#pragma unroll
  for (int l = 0; l < kSide; ++l) {
#pragma unroll
    for (int j = 0; j < kSide; ++j) {
      float sum = 0.0f;
#pragma unroll
      for (int k = 0; k < kSide; ++k) sum += block[l][k] * basis[k * kSide + j];
      other[l][j] = sum;
    }
  }
#pragma unroll
  for (int i = 0; i < kSide; ++i) {
#pragma unroll
    for (int j = 0; j < kSide; ++j) {
      float sum = static_cast<float>(kZero);
#pragma unroll
      for (int l = 0; l < kSide; ++l) sum += basis[l * kSide + i] * other[l][j];
      if (top + i < rows && left + j < columns) {
        settled[static_cast<long long>(top + i) * columns + left + j] = bounded(static_cast<int>(rintf(sum)), 0, 255);
      }
    }
  }
}

// At each limit, how many blocks of 8x8 have coefficients as large, and how many coefficients are: (copies, limits, 2),
// where blocks add to one copy or another. A thread for each block.
extern "C" __global__ void count(const Sample* plane, const float* basis, const float* limits, int* counted, int rows,
                                 int columns, int steps, int copies) {
  const int column = blockIdx.x * blockDim.x + threadIdx.x;
  const int left = column * kSide, top = blockIdx.y * kSide;
  if (left >= columns || top >= rows) return;
  float block[kSide][kSide];
  transform(plane, basis, rows, columns, top, left, block);
  int* mine = counted + static_cast<long long>((column + blockIdx.y * 31) % copies) * steps * 2;
  for (int at = 0; at < steps; ++at) {
    const float limit = limits[at];
    int found = 0;
#pragma unroll
    for (int l = 0; l < kSide; ++l) {
#pragma unroll
      for (int k = 0; k < kSide; ++k) found += fabsf(block[l][k]) >= limit;
    }
    if (!found) break;  // limits grow
    atomicAdd(mine + 2 * at, 1);
    atomicAdd(mine + 2 * at + 1, found);
  }
}
