// A shop's use of the HTTP interface with types that are generated from the OpenAPI document.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Payment = components["schemas"]["PaymentBody"];

const [address, token, operatorKey] = process.argv.slice(2);
const shop = createClient<paths>({
  baseUrl: address,
  headers: { Authorization: `Bearer ${token}` },
});
const operator = createClient<paths>({
  baseUrl: address,
  headers: { Authorization: `Bearer ${operatorKey}` },
});

const options = await shop.GET("/api/payments/options", {
  params: { query: { orderId: "order-1" } },
});
const gateway: string | undefined = options.data?.gateways[0]?.gateway;

const declined = await shop.POST("/api/payments", {
  body: { token: "tok_chargeDeclined", orderId: "order-1", gateway },
});
const reason: string | undefined = declined.error?.errors[0]?.message;

const paid = await shop.POST("/api/payments", {
  params: { header: { "Idempotency-Key": "key-1" } },
  body: { token: "tok_visa", orderId: "order-1", amount: options.data?.amount },
});
const payment: Payment | undefined = paid.data;

const refund = await operator.POST("/api/payments/{payment_id}/refunds", {
  params: { path: { payment_id: payment?.id ?? "" } },
  body: { amount: 500, reason: "requested" },
});
const page = await operator.GET("/api/operator/payments", {
  params: { query: { status: "succeeded", limit: 10 } },
});

// @ts-expect-error a field that no request has does not compile
await shop.POST("/api/payments", { body: { token: "tok_visa", order: "order-1" } });

console.log(
  JSON.stringify({
    gateway,
    declined: declined.response.status,
    hasReason: reason !== undefined,
    paid: payment?.status,
    refunded: refund.data?.amount,
    found: page.data?.items.length,
  }),
);
