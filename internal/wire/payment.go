package wire

// The enums of PaymentRpc (wire §11.4).

// OrderStatus says how far an order is; Payment_OrderStatus.
type OrderStatus = Enum[orderStatus]

type orderStatus struct{}

// Statuses of orders.
const (
	OrderStatusUnused             OrderStatus = 0
	OrderStatusInitialized        OrderStatus = 1
	OrderStatusPaymentProcessed   OrderStatus = 2
	OrderStatusFulfilled          OrderStatus = 3
	OrderStatusFailed             OrderStatus = 4
	OrderStatusRevocable          OrderStatus = 5
	OrderStatusPartiallyRevocable OrderStatus = 6
)

func (orderStatus) names() []enumName { return orderStatuses }

var orderStatuses = []enumName{
	{0, "UNUSED_STATUS"},
	{1, "INITIALIZED"},
	{2, "PAYMENT_PROCESSED"},
	{3, "ORDER_FULFILLED"},
	{4, "FAILED"},
	{5, "REVOCABLE"},
	{6, "PARTIALLY_REVOCABLE"},
}

// PaymentProvider names a payment provider; Payment_PaymentProviderId.
type PaymentProvider = Enum[paymentProvider]

type paymentProvider struct{}

// Payment providers.
const (
	PaymentProviderUnused PaymentProvider = 0
	PaymentProviderSteam  PaymentProvider = 1
)

func (paymentProvider) names() []enumName { return paymentProviders }

var paymentProviders = []enumName{{0, "UNUSED_PAYMENT_PROVIDER"}, {1, "STEAM"}}
