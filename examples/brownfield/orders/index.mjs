// A Lambda handler as it was before anyone spoke of agents: an event comes in, an answer goes out.
const orders = new Map(
  [
    { order_id: 'A-1001', customer: 'Ada Lovelace', status: 'open', lines: [{ sku: 'ROPE-12', quantity: 2 }] },
    { order_id: 'A-1002', customer: 'Grace Hopper', status: 'shipped', lines: [{ sku: 'CLEAT-8', quantity: 4 }] },
    { order_id: 'A-1003', customer: 'Grace Hopper', status: 'open', lines: [{ sku: 'BLOCK-40', quantity: 1 }] },
  ].map((order) => [order.order_id, order]),
)

export async function handler({ order_id: id, cancel_reason: reason, customer, status }) {
  if (id === undefined) return search(customer, status)
  const order = orders.get(id)
  if (!order) return { error: `There is no order ${id}` }
  return reason === undefined ? order : cancel(order, reason)
}

function search(customer = '', status) {
  const found = [...orders.values()].filter(
    (order) =>
      order.customer.toLowerCase().includes(customer.toLowerCase()) &&
      (status === undefined || order.status === status),
  )
  return { orders: found.toReversed() }
}

function cancel(order, reason) {
  if (order.status === 'shipped') return { error: `${order.order_id} has been shipped` }
  Object.assign(order, { status: 'cancelled', cancel_reason: reason })
  return order
}
