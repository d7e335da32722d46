/* Steps of optimisers. */
#include "check.h"

TEST(optimisers_take_a_step)
{
    double state[2] = {0};
    int64_t steps = 0;
    const int32_t p = leaf(2.0);
    const double *sgd = (double[]){0.125, 0.5, 0, 0}, *adam = (double[]){0.5, 0.9, 0.999, 0, 0.5};

    CHECK_INT(mg_set_grad(p, 4.0), MG_OK);
    CHECK_INT(mg_sgd(&p, 1, NULL, &steps, (double[]){0.25, 0, 0, 0}), MG_OK);
    CHECK_REAL(mg_data(p), 1.0);
    CHECK_INT(mg_sgd(&p, 1, state, &(int64_t){0}, sgd), MG_OK); /* m = 4 */
    CHECK_REAL(mg_data(p), 0.5);
    CHECK_INT(mg_sgd(&p, 1, state, &steps, (double[]){0.125, 0.5, 1, 0}), MG_OK); /* m = 6, g + m/2 = 7 */
    CHECK_REAL(mg_data(p), -0.375);
    state[0] = 0.0;
    CHECK_INT(mg_adam(&p, 1, state, &(int64_t){0}, (double[]){0.5, 0.9, 0.999, 0, 0}),
              MG_OK); /* the first step is lr * sign */
    CHECK_NEAR(mg_data(p), -0.875, 1e-15);
    CHECK_INT(mg_adam((int32_t[]){p, 99}, 2, state, &steps, adam), MG_EHANDLE);
    CHECK_NEAR(mg_data(p), -0.875, 1e-15);
    CHECK_INT(steps, 2); /* that one was not taken */
    state[0] = state[1] = 0.0;
    CHECK_INT(mg_adamw(&p, 1, state, &(int64_t){0}, adam), MG_OK);
    CHECK_NEAR(mg_data(p), -0.875 * 0.75 - 0.5, 1e-15);
}

TEST(weight_decay_pulls_parameters_to_0)
{
    double state[2] = {0};
    int32_t p = leaf(2.0);

    CHECK_INT(mg_set_grad(p, 4.0), MG_OK);
    CHECK_INT(mg_sgd(&p, 1, NULL, &(int64_t){0}, (double[]){0.25, 0, 0, 0.5}), MG_OK); /* g = 4 + 0.5 * 2 */
    CHECK_REAL(mg_data(p), 2.0 - 0.25 * 5.0);
    CHECK_INT(mg_set_data(p, 2.0), MG_OK);
    CHECK_INT(mg_adam(&p, 1, state, &(int64_t){0}, (double[]){0.5, 0.9, 0.999, 0, 0.5}), MG_OK);
    CHECK_NEAR(state[0], 0.1 * 5.0, 1e-15); /* the mean of the same g, and of its square */
    CHECK_NEAR(state[1], 0.001 * 25.0, 1e-15);
    state[0] = state[1] = 0.0;
    CHECK_INT(mg_adamw(&p, 1, state, &(int64_t){0}, (double[]){0.5, 0.9, 0.999, 0, 0.5}), MG_OK);
    CHECK_NEAR(state[0], 0.1 * 4.0, 1e-15); /* not so where it is decoupled */
    CHECK_INT(mg_sgd((int32_t[]){p, 99}, 2, NULL, &(int64_t){0}, (double[]){0.25, 0, 0, 0}), MG_EHANDLE);
}

TEST(a_centered_mean_of_squares_is_a_variance)
{
    double state[3] = {0};
    const int32_t p = leaf(2.0);
    const double *plain = (double[]){0.5, 0.5, 0, 0, 0, 0}, *centered = (double[]){0.5, 0.5, 0, 0.5, 0.5, 1};

    CHECK_INT(mg_set_grad(p, 4.0), MG_OK);
    CHECK_INT(mg_rmsprop(&p, 1, state, &(int64_t){0}, plain), MG_OK); /* v = 8 */
    CHECK_NEAR(mg_data(p), 2.0 - 0.5 * 4.0 / sqrt(8.0), 1e-15);
    CHECK_INT(mg_set_data(p, 2.0), MG_OK);
    CHECK_INT(mg_rmsprop(&p, 1, state, &(int64_t){0}, centered), MG_OK); /* g = 5, v = 16.5, mean = 2.5 */
    CHECK_NEAR(state[1], 5.0 / sqrt(16.5 - 6.25), 1e-15);
    CHECK_NEAR(mg_data(p), 2.0 - 0.5 * state[1], 1e-15);
    CHECK_INT(mg_rmsprop((int32_t[]){p, 99}, 2, NULL, &(int64_t){0}, plain), MG_EHANDLE);
}

int main(void)
{
    CHECK_INT(mg_init(), MG_OK);
    RUN(optimisers_take_a_step);
    RUN(weight_decay_pulls_parameters_to_0);
    RUN(a_centered_mean_of_squares_is_a_variance);
    return 0;
}
